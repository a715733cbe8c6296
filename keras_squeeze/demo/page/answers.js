/** Turns the outputs of the model into answers, as `annotate()` does. */

import {windowsOf} from "./packing.js";

const BEGINS = ["B", "S", "U"];
const ENDS = ["E", "L", "S", "U"];
const PREFIXES = ["B", "I", "E", "L", "S", "U"];
const LONGEST_ANSWER = 30;

export function softmax(logits) {
  const largest = logits.reduce((a, b) => Math.max(a, b), -Infinity);
  const exponentials = Array.from(logits, (x) => Math.exp(x - largest));
  const sum = exponentials.reduce((a, b) => a + b, 0);
  return exponentials.map((x) => x / sum);
}

/** The indices of the largest values, the largest first. */
export function largest(values, count) {
  return Array.from(values.keys())
    .sort((a, b) => values[b] - values[a] || a - b)
    .slice(0, count);
}

/** Each label with its score, the likeliest first. */
function ranked(scores, labels, count = scores.length) {
  return largest(scores, count)
    .map((i) => ({label: labels[i], score: scores[i]}));
}

/**
 * The classes of a text with their scores, the answer first.
 *
 * With a background class, the answer is the likeliest other class if its
 * probability is above the threshold. The score of the background class is one
 * minus that probability.
 */
export function decide(scores, {labels, threshold, background_class: background}) {
  if (typeof background !== "number") return ranked(scores, labels);
  const others = scores.with(background, -Infinity);
  const [best] = largest(others, 1);
  const shown = scores.with(background, 1 - scores[best]);
  const isOther = scores[best] > Math.fround(threshold ?? 0.5);
  const answer = isOther ? best : background;
  return [answer, ...largest(shown, shown.length).filter((i) => i !== answer)]
    .map((i) => ({label: labels[i], score: shown[i]}));
}

/** All classes with their scores, and whether a text has each of them. */
export function decideEach(scores, {labels, threshold}) {
  const thresholds = [threshold ?? 0.5].flat();
  return largest(scores, scores.length).map((i) => ({
    label: labels[i],
    score: scores[i],
    isSelected: scores[i] > Math.fround(thresholds[i] ?? thresholds[0]),
  }));
}

/** The probabilities of one position of an output, whatever the file returns. */
function probabilities(outputs, prefix, count, position = 0) {
  const isReady = `${prefix}probabilities` in outputs;
  const values = outputs[`${prefix}${isReady ? "probabilities" : "logits"}`];
  const row = values.subarray(position * count, (position + 1) * count);
  return isReady ? Array.from(row) : softmax(row);
}

/** Tokenize texts and run the model on them together. */
async function read(model, texts) {
  const tokens = texts.map((text) => model.tokenize(text));
  const packed = model.pack(tokens.map((row) => row.map((x) => x.id)));
  const outputs = await model.run(packed.inputs);
  const total = tokens.reduce((sum, row) => sum + row.length, 0);
  const read = packed.kept.reduce((a, b) => a + b, 0);
  return {tokens, packed, outputs, cut: total > read ? {total, read} : null};
}

export async function classify(model, {texts}) {
  const {outputs, cut} = await read(model, texts);
  const {labels, problem_type: problem} = model.contract;
  if (problem === "regression") return {number: outputs.score[0], cut};
  if (problem === "multi_label_classification") {
    const scores = Array.from(
      outputs.probabilities ?? outputs.logits.map((x) => 1 / (1 + Math.exp(-x))));
    return {several: decideEach(scores, model.contract), cut};
  }
  const scores = probabilities(outputs, "", labels.length);
  return {classes: decide(scores, model.contract), cut};
}

/** Merge the labels of consecutive words into entities. */
export function entitySpans(labels) {
  const spans = [];
  // The label of the entity that the next word may continue.
  let last = null;
  labels.forEach((label, i) => {
    let letter = "I";
    if (PREFIXES.includes(label)) {
      letter = label;
      label = "";
    } else if (PREFIXES.includes(label[0]) && label[1] === "-") {
      letter = label[0];
      label = label.slice(2);
    }
    if (label === "O") {
      last = null;
      return;
    }
    label ||= "_";
    if (BEGINS.includes(letter) || label !== last) {
      spans.push({label, first: i, last: i});
    }
    spans[spans.length - 1].last = i;
    last = ENDS.includes(letter) ? null : label;
  });
  return spans;
}

/** The words of a text: the first of the tokens of each, and its position. */
function wordsOf(tokens) {
  const words = [];
  tokens.forEach((token, i) => {
    if (i && token.word === tokens[i - 1].word) {
      words[words.length - 1].end = token.end;
    } else {
      words.push({token: i, start: token.start, end: token.end});
    }
  });
  return words;
}

export async function findEntities(model, {texts: [text]}) {
  const tokens = model.tokenize(text);
  const {labels} = model.contract;
  const {sequence_length: length, overlap} = model.longest;
  const room = length - 2;
  // Two windows divide their overlap between them.
  const half = Math.floor((overlap + 1) / 2);
  const predicted = [];
  for (const {start, size} of windowsOf(tokens.length, room, overlap)) {
    const ids = tokens.slice(start, start + size).map((x) => x.id);
    const outputs = await model.run(model.pack([ids]).inputs);
    const isLast = start + size === tokens.length;
    const end = isLast ? size : room - overlap + half;
    for (let i = start ? half : 0; i < end; i++) {
      const scores = probabilities(outputs, "", labels.length, i + 1);
      const [{label, score}] = decide(scores, model.contract);
      predicted[start + i] = {label, score};
    }
  }
  const words = wordsOf(tokens);
  const ofWords = words.map((word) => predicted[word.token]);
  const characters = [...text];
  const entities = entitySpans(ofWords.map((x) => x.label)).map((span) => {
    const {start} = words[span.first];
    const {end} = words[span.last];
    const scores = ofWords.slice(span.first, span.last + 1);
    return {
      label: span.label,
      score: scores.reduce((sum, x) => sum + x.score, 0) / scores.length,
      word: characters.slice(start, end).join(""),
      start,
      end,
    };
  });
  return {entities, text};
}

/** Collects the best answers over the windows of a context. */
export class AnswerSpans {
  constructor(count) {
    this.count = count;
    this.noAnswer = 1;
    this.found = new Map();
  }

  /**
   * Add the answers of a window.
   *
   * @param {Array} startLogits For `[CLS]` and for the tokens of the context.
   * @param {Array} endLogits The same, for the ends of answers.
   * @param {Array} words The number of the word of each token.
   */
  add(startLogits, endLogits, words) {
    const starts = softmax(startLogits);
    const ends = softmax(endLogits);
    this.noAnswer = Math.min(this.noAnswer, starts[0] * ends[0]);
    // Answers with the same words share their scores.
    const scores = new Map();
    for (let i = 0; i < words.length; i++) {
      const after = Math.min(words.length, i + LONGEST_ANSWER);
      for (let j = i; j < after; j++) {
        const key = `${words[i]} ${words[j]}`;
        const score = starts[i + 1] * ends[j + 1];
        scores.set(key, (scores.get(key) ?? 0) + score);
      }
    }
    for (const {key, score} of this.sort(scores)) {
      if (score > 0) {
        this.found.set(key, Math.max(this.found.get(key) ?? 0, score));
      }
    }
  }

  sort(scores) {
    return Array.from(scores, ([key, score]) => {
      const [first, last] = key.split(" ").map(Number);
      return {key, score, first, last};
    }).sort((a, b) => b.score - a.score || a.first - b.first || a.last - b.last)
      .slice(0, this.count);
  }

  best() {
    return this.sort(this.found);
  }
}

export async function answerQuestion(model, {texts, mayHaveNoAnswer, count}) {
  const [question, context] = texts;
  const asked = model.tokenize(question).map((x) => x.id);
  const tokens = model.tokenize(context);
  const {sequence_length: length, overlap} = model.longest;
  const room = length - 3 - asked.length;
  if (room <= overlap) {
    throw new Error(`The question has ${asked.length} tokens, but at most ` +
      `${length - 4 - overlap} leave room for the text.`);
  }
  if (!tokens.length && !mayHaveNoAnswer) {
    throw new Error("The text must have words.");
  }
  const words = wordsOf(tokens);
  let word = -1;
  const wordOfToken = tokens.map((token, i) => {
    if (words[word + 1]?.token === i) word++;
    return word;
  });
  const spans = new AnswerSpans(count ?? 3);
  for (const {start, size} of windowsOf(tokens.length, room, overlap)) {
    const part = tokens.slice(start, start + size).map((x) => x.id);
    const outputs = await model.run(model.pack([asked, part]).inputs);
    const columns = [0, ...part.keys()]
      .map((x, i) => (i ? x + asked.length + 2 : 0));
    spans.add(
      columns.map((i) => outputs.start_logits[i]),
      columns.map((i) => outputs.end_logits[i]),
      wordOfToken.slice(start, start + size));
  }
  const characters = [...context];
  const answers = spans.best().map(({score, first, last}) => {
    const {start} = words[first];
    const {end} = words[last];
    const answer = characters.slice(start, end).join("");
    return {answer, score, start, end};
  });
  if (mayHaveNoAnswer) {
    const index = answers.filter((x) => x.score >= spans.noAnswer).length;
    const none = {answer: "", score: spans.noAnswer, start: 0, end: 0};
    answers.splice(index, 0, none);
  }
  return {answers: answers.slice(0, count ?? 3), context};
}

export async function choose(model, {texts: [prompt], choices}) {
  if (!choices.length) throw new Error("Write at least one choice.");
  const logits = [];
  let cut = null;
  for (const choice of choices) {
    const result = await read(model, [prompt, choice]);
    logits.push(result.outputs.logits[0]);
    cut ??= result.cut;
  }
  return {classes: ranked(softmax(logits), choices), cut};
}

/** Replace one of the masks of a list of texts. */
export function fill(texts, mask, index, word, prefix) {
  return texts.map((text) => {
    const pieces = text.split(mask);
    let filled = text;
    if (index >= 0 && index < pieces.length - 1) {
      let before = pieces.slice(0, index + 1).join(mask);
      let inserted = word;
      if (word.startsWith(prefix)) {
        before = before.trimEnd();
        inserted = word.slice(prefix.length);
      }
      filled = before + inserted + pieces.slice(index + 1).join(mask);
    }
    index -= pieces.length - 1;
    return filled;
  });
}

async function fillMasks(model, texts, prefix, count, isMaskNeeded) {
  const {roles, special_ids: special} = model.contract.tokenizer;
  const mask = special[roles.mask];
  const {tokens, packed, outputs, cut} = await read(model, texts);
  const expected = tokens.flat().filter((x) => x.id === mask).length;
  const positions = packed.inputs.input_word_ids
    .map((id, i) => (id === mask ? i : -1)).filter((i) => i >= 0);
  if (!expected && isMaskNeeded) {
    throw new Error(`The text must have a ${roles.mask}.`);
  }
  if (positions.length < expected) {
    throw new Error(`The text is too long: a ${roles.mask} was cut off.`);
  }
  const width = model.widthOf(
    Object.keys(outputs).find((name) => name.startsWith(prefix) &&
      !name.startsWith("seq_")));
  const masks = positions.map((position, index) => {
    const scores = probabilities(outputs, prefix, width, position)
      .slice(0, model.tokenizer.tokens.length);
    return largest(scores, count).map((token) => {
      const word = model.tokenizer.tokens[token];
      const filled = fill(
        texts, roles.mask, index, word, model.tokenizer.prefix);
      return {score: scores[token], token, token_str: word, sequence: filled};
    });
  });
  return {masks, outputs, cut};
}

export async function fillWords(model, {texts, count}) {
  const {masks, cut} = await fillMasks(model, texts, "", count ?? 5, true);
  return {masks, cut};
}

export async function readPair(model, {texts, count}) {
  const {masks, outputs, cut} = await fillMasks(
    model, texts, "prediction_", count ?? 5, false);
  const {labels} = model.contract;
  const scores = probabilities(outputs, "seq_relationship_", labels.length);
  return {masks, classes: ranked(scores, labels), cut};
}

export async function compare(model, {texts: [text], choices}) {
  if (!choices.length) throw new Error("Write at least one sentence to compare.");
  const vectors = [];
  let cut = null;
  for (const part of [text, ...choices]) {
    const result = await read(model, [part]);
    const vector = Array.from(result.outputs.embedding);
    const length = Math.hypot(...vector);
    vectors.push(vector.map((x) => x / Math.max(length, 1e-12)));
    cut ??= result.cut;
  }
  const [query, ...others] = vectors;
  const scores = others.map(
    (vector) => vector.reduce((sum, x, i) => sum + x * query[i], 0));
  return {similar: ranked(scores, choices), cut};
}

/** What answers the inputs of each task. */
export const ANSWERS = {
  TextClassifier: classify,
  TokenClassifier: findEntities,
  QuestionAnswering: answerQuestion,
  MultipleChoice: choose,
  MaskedLM: fillWords,
  NextSentencePredictor: classify,
  Pretraining: readPair,
  TextEmbedder: compare,
};
