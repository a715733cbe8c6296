/** Builds the form of each task, and shows its answers. */

const MOST_BARS = 10;
const NUM_COLOURS = 6;

const TEXT = {name: "text", label: "Text", rows: 3};
const SENTENCES = [
  "When does the next train leave?", "My card was declined yesterday.",
  "A dog is running through the park."];

function twoTexts(first) {
  return [
    {name: "first", label: "First text", rows: 2, value: first},
    {name: "second", label: "Second text", rows: 2,
      value: "It was dark behind it."},
  ];
}

// The fields of each task, with an example. `several` is for one text per
// line, and `optional` for a second text of a pair.
const FORMS = {
  TextClassifier: {
    title: "Text classification",
    button: "Classify",
    fields: [TEXT, {name: "second", label: "Second text", rows: 2,
      optional: "Add a second text, for a model of pairs"}],
    hasExamples: true,
  },
  TokenClassifier: {
    title: "Entities",
    button: "Find entities",
    fields: [{...TEXT, value: "Ada Lovelace was born in London in 1815, and " +
      "worked with Charles Babbage."}],
  },
  QuestionAnswering: {
    title: "Question answering",
    button: "Answer",
    fields: [
      {name: "question", label: "Question", value: "Where was Ada born?"},
      {name: "context", label: "Text with the answer", rows: 6,
        value: "Ada Lovelace was born in London in 1815. She wrote the first " +
          "program for a computer that was never built."},
    ],
    option: {name: "none", label: "The text may have no answer"},
  },
  MultipleChoice: {
    title: "Multiple choice",
    button: "Choose",
    fields: [
      {name: "prompt", label: "Prompt", rows: 2,
        value: "It rains, so she takes"},
      {name: "choices", label: "Choices, one per line", rows: 4, several: true,
        value: "a nap.\nan umbrella.\na photo."},
    ],
  },
  MaskedLM: {
    title: "Masked words",
    button: "Fill in",
    fields: [{...TEXT, label: "Text with a mask",
      value: "Paris is the {mask} of France."}],
  },
  NextSentencePredictor: {
    title: "Next sentence",
    button: "Compare",
    fields: twoTexts("She opened the door."),
  },
  Pretraining: {
    title: "Masked words and next sentence",
    button: "Run",
    fields: twoTexts("She opened the {mask}."),
  },
  TextEmbedder: {
    title: "Similar sentences",
    button: "Compare",
    fields: [
      {...TEXT, rows: 2, value: "What time can we go by rail?"},
      {name: "choices", label: "Sentences to compare with, one per line",
        rows: 5, several: true, value: SENTENCES.join("\n")},
    ],
  },
};

/** The title of a task. */
export function titleOf(kind) {
  return FORMS[kind].title;
}

function element(name, properties = {}, children = []) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

function fieldOf({name, label, rows, value, optional}, mask) {
  const control = element(rows ? "textarea" : "input", {
    name,
    value: (value ?? "").replace("{mask}", mask),
    ...(rows ? {rows} : {type: "text"}),
    autocomplete: "off",
  });
  const field = element("label", {className: "field"}, [label, control]);
  if (!optional) return field;
  return element("details", {}, [
    element("summary", {textContent: optional}), field]);
}

/**
 * Build the fields of a task.
 *
 * @param {string} kind The task.
 * @param {object} contract The contents of `contract.json`.
 * @param {Array} examples The contents of `golden.json`.
 * @param {HTMLElement} place What to put them in.
 * @return {string} The text of the button.
 */
export function buildForm(kind, contract, examples, place) {
  const {fields, option, button, hasExamples} = FORMS[kind];
  const takesPairs = examples.some((x) => x.texts.length > 1);
  place.replaceChildren(...fields
    .filter((field) => takesPairs || !field.optional)
    .map((field) => fieldOf(field, contract.tokenizer.roles.mask)));
  if (option) {
    place.append(element("label", {className: "option"}, [
      element("input", {type: "checkbox", name: option.name}), option.label]));
  }
  if (hasExamples) {
    const control = place.querySelector("textarea");
    const texts = examples.filter((x) => x.texts.length === 1)
      .map((x) => x.texts[0]).slice(0, 4);
    control.value = texts[1] ?? "";
    place.append(...texts.map((text) => element("button", {
      type: "button",
      className: "example",
      textContent: text,
      title: text,
      onclick: () => {
        control.value = text;
        control.form.requestSubmit();
      },
    })));
  }
  return button;
}

/**
 * Read the fields of a task.
 *
 * @param {string} kind The task.
 * @param {HTMLFormElement} form
 * @return {object} The `texts`, and for some tasks the `choices`.
 */
export function readForm(kind, form) {
  const inputs = {texts: []};
  for (const {name, several, optional} of FORMS[kind].fields) {
    const control = form.elements[name];
    if (!control) continue;
    if (several) {
      inputs.choices = control.value.split("\n").filter((x) => x.trim());
    } else if (!optional || control.value) {
      inputs.texts.push(control.value);
    }
  }
  const {option} = FORMS[kind];
  if (option) inputs.mayHaveNoAnswer = form.elements[option.name].checked;
  return inputs;
}

// Numbers stay on the line of their unit.
const percent = (score) => `${(100 * score).toFixed(1)}\u00a0%`;

function bars(rows, format = percent) {
  return element("ol", {className: "bars"}, rows.slice(0, MOST_BARS).map(
    ({label, score}) => {
      const bar = element("div");
      bar.style.width = `${100 * Math.min(Math.max(score, 0), 1)}%`;
      return element("li", {}, [
        element("div", {className: "line"}, [
          element("span", {textContent: label}),
          element("span", {className: "score", textContent: format(score)}),
        ]),
        element("div", {className: "track"}, [bar]),
      ]);
    }));
}

/** A text in which some parts are marked, from the first to the last. */
function markedText(text, marks) {
  const characters = [...text];
  const parts = [];
  let end = 0;
  for (const mark of marks) {
    parts.push(characters.slice(end, mark.start).join(""));
    const part = characters.slice(mark.start, mark.end).join("");
    const note = mark.note ? [element("small", {textContent: mark.note})] : [];
    parts.push(element(
      "mark", {className: `mark-${mark.colour ?? 0}`}, [part, ...note]));
    end = mark.end;
  }
  parts.push(characters.slice(end).join(""));
  return element("p", {className: "text"}, parts);
}

const quiet = (text) =>
  element("p", {className: "quiet", textContent: text});

// What to show for each part of an answer.
const PARTS = {
  masks: ({masks}) => masks.flatMap((words, i) => [
    ...(masks.length > 1 ? [quiet(`Mask ${i + 1}`)] : []),
    bars(words.map(({token_str: label, score}) => ({label, score}))),
    element("p", {textContent: words[0].sequence.join(" ")}),
  ]),
  classes: ({classes}) => [bars(classes)],
  several: ({several}) => {
    const selected = several.filter((x) => x.isSelected);
    const others = several.filter((x) => !x.isSelected);
    return [
      quiet(selected.length ? "The text has these classes." :
        "No class is likely enough."),
      ...(selected.length ? [bars(selected)] : []),
      ...(others.length ? [quiet("Other classes"), bars(others)] : []),
    ];
  },
  number: ({number}) => [
    element("p", {className: "number", textContent: number.toFixed(3)})],
  entities: ({entities, text}) => {
    const labels = [...new Set(entities.map((x) => x.label))];
    const marks = entities.map((x) => ({
      ...x,
      note: `${x.label} ${percent(x.score)}`,
      colour: labels.indexOf(x.label) % NUM_COLOURS,
    }));
    return [markedText(text, marks),
      ...(entities.length ? [] : [quiet("No entities were found.")])];
  },
  answers: ({answers, context}) => {
    const name = (x) => x.answer || "No answer";
    return [
      bars(answers.map((x) => ({label: name(x), score: x.score}))),
      markedText(context, answers.slice(0, 1).filter((x) => x.answer)),
    ];
  },
  similar: ({similar}) => [bars(similar, (score) => score.toFixed(3))],
};

const milliseconds = (time) => (time < 0.1 ? "under 0.1\u00a0ms" :
  `${time.toFixed(time < 10 ? 1 : 0)}\u00a0ms`);

/**
 * Show an answer.
 *
 * @param {HTMLElement} place What to put it in.
 * @param {object} answer The result of one of `ANSWERS`.
 * @param {object} times The result of `Model.takeTimes()`.
 */
export function showAnswer(place, answer, times) {
  const shown = Object.keys(PARTS).filter((part) => part in answer)
    .flatMap((part) => PARTS[part](answer));
  if (answer.cut) {
    shown.push(quiet(`The text has ${answer.cut.total} tokens, of which the ` +
      `model read ${answer.cut.read}.`));
  }
  shown.push(quiet(`Tokenizer ${milliseconds(times.tokenizer)}, model ` +
    `${milliseconds(times.model)}.`));
  place.replaceChildren(...shown);
  place.hidden = false;
}

/** Describe the result of the self-check in a line. */
export function describeCheck(result) {
  const {done, sameIds, difference, places, samePlaces} = result;
  const parts = [sameIds === done ?
    `the ${done} examples have the same token ids as in Python` :
    `${done - sameIds} of the ${done} examples have other token ids than ` +
    "in Python"];
  if (result.hasValues) {
    parts.push("the outputs differ by " + (difference < 1e-6 ?
      "less than 0.0001\u00a0%" :
      `at most ${(100 * difference).toPrecision(1)}\u00a0%`));
  }
  if (places) {
    parts.push(`${percent(samePlaces / places)} of the best words are the ` +
      "same");
  }
  return `${result.passed ? "✓ Self-check passed" : "✗ Self-check failed"}: ` +
    `${parts.join(", and ")}.`;
}
