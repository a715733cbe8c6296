/** The page: loads everything, and connects the form with the model. */

import {ANSWERS} from "./answers.js";
import {check} from "./check.js";
import {Model, findWebGpu, loadRuntime} from "./runtime.js";
import {Tokenizer} from "./tokenizer.js";
import {buildForm, describeCheck, readForm, showAnswer, titleOf} from
  "./views.js";

const ACCELERATORS = {wasm: "the CPU", webgpu: "WebGPU"};
const $ = (id) => document.getElementById(id);

async function fetchOwn(name) {
  const response = await fetch(name);
  if (!response.ok) throw new Error(`The file ${name} is missing.`);
  return response;
}

async function fetchText(name) {
  const bytes = await (await fetchOwn(name)).arrayBuffer();
  // The first token may be the character that is otherwise taken for a mark.
  return new TextDecoder("utf-8", {ignoreBOM: true}).decode(bytes);
}

function tell(text, className = "") {
  $("status").textContent = text;
  $("status").className = className;
  $("status").hidden = !text;
}

class Page {
  async load() {
    const [settings, contract, examples, characters] = await Promise.all(
      ["demo.json", "contract.json", "golden.json", "characters.json"]
        .map(async (name) => (await fetchOwn(name)).json()));
    this.kind = settings.kind;
    this.examples = examples;
    document.title = `${titleOf(this.kind)}: ${contract.file}`;
    $("title").textContent = titleOf(this.kind);
    const size = (contract.size_bytes / 1e6).toFixed(1);
    $("facts").textContent = `${contract.task}, ${contract.file}, ` +
      `${contract.quantization}, ${size} MB`;
    tell(`Loading the model, ${size} MB.`);
    const [vocabulary, contents, litert] = await Promise.all([
      fetchText(contract.tokenizer.vocabulary),
      fetchOwn(settings.model).then((x) => x.arrayBuffer()),
      loadRuntime(settings.runtime),
    ]);
    this.contents = new Uint8Array(contents);
    const tokenizer = new Tokenizer(contract.tokenizer, vocabulary, characters);
    this.model = new Model(litert, tokenizer, contract);
    $("run").textContent = buildForm(
      this.kind, contract, examples, $("fields"));
    await this.use("wasm");
    $("form").hidden = false;
    tell("");
    await this.connect();
    await this.check();
  }

  async connect() {
    $("form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.show();
    });
    $("form").addEventListener("keydown", (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
        event.preventDefault();
        $("form").requestSubmit();
      }
    });
    for (const radio of $("form").elements.accelerator) {
      radio.addEventListener("change", () => this.change(radio.value));
    }
    const obstacle = await findWebGpu();
    const [, gpu] = $("form").elements.accelerator;
    gpu.disabled = Boolean(obstacle);
    this.note(obstacle);
  }

  note(text) {
    $("note").textContent = text ?? "";
    $("note").hidden = !text;
  }

  /** Do one thing after the other: the model only runs one text at a time. */
  inTurn(work) {
    const turn = (this.last ?? Promise.resolve()).then(work);
    this.last = turn.catch(() => {});
    return turn;
  }

  async use(accelerator) {
    await this.model.compile(this.contents, accelerator);
    const isWhole = this.model.compiled.isFullyAccelerated;
    this.note(accelerator === "webgpu" && !isWhole ?
      "Some of the operations still run on the CPU." : "");
  }

  /** Switch between the CPU and WebGPU. */
  async change(accelerator) {
    const before = this.model.accelerator;
    await this.inTurn(async () => {
      tell(`Preparing the model for ${ACCELERATORS[accelerator]}.`);
      try {
        await this.use(accelerator);
        tell("");
      } catch (error) {
        console.error(error);
        $("form").elements.accelerator.value = before;
        tell(`The model does not run on ${ACCELERATORS[accelerator]}: ` +
          error.message, "bad");
      }
    });
    if (this.model.accelerator !== before) await this.check();
  }

  /** Answer the inputs of the form. */
  async show() {
    await this.inTurn(async () => {
      $("run").setAttribute("aria-busy", "true");
      this.model.takeTimes();
      try {
        const answer = await this.answer(readForm(this.kind, $("form")));
        showAnswer($("results"), answer, this.model.takeTimes());
        tell("");
      } catch (error) {
        console.error(error);
        $("results").hidden = true;
        tell(error.message, "bad");
      }
      $("run").removeAttribute("aria-busy");
    });
  }

  answer(inputs) {
    return ANSWERS[this.kind](this.model, inputs);
  }

  /** Compare the model with the examples, and show a line about it. */
  async check() {
    const line = $("check");
    const {accelerator} = this.model;
    const {length} = this.examples;
    line.hidden = false;
    this.result = null;
    const results = check(
      this.model, this.examples, (work) => this.inTurn(work));
    for await (const result of results) {
      // The next check has started.
      if (accelerator !== this.model.accelerator) return;
      line.textContent = `Self-check: ${result.done} of ${length} examples`;
      line.className = "quiet";
      if (result.done < length) continue;
      this.result = result;
      line.textContent = describeCheck(result);
      line.className = result.passed ? "good" : "bad";
    }
  }
}

export const page = new Page();
export const loaded = page.load().catch((error) => {
  console.error(error);
  tell(error.message, "bad");
});
