/** Loads LiteRT and the model, and runs it. */

import {pack} from "./packing.js";

const MODULES = ["litert.js", "wasm-utils.js"];

/** A file that was fetched and is what was published. */
async function fetchChecked({url, integrity}) {
  let response;
  try {
    response = await fetch(url, {integrity});
  } catch (error) {
    throw new Error(`${url} could not be loaded, or is not the file that this ` +
      "page was made with. Is there a connection?", {cause: error});
  }
  if (!response.ok) throw new Error(`${url}: ${response.statusText}`);
  return response;
}

function addressOf(contents, type) {
  return URL.createObjectURL(new Blob([contents], {type}));
}

/**
 * Load LiteRT.
 *
 * @param {object} files The address and the checksum of each of its files.
 * @return {Promise<object>} The module.
 */
export async function loadRuntime(files) {
  const [main, utilities] = await Promise.all(MODULES.map(
    async (name) => (await fetchChecked(files[name])).text()));
  const type = "text/javascript";
  const address = addressOf(utilities, type);
  const litert = await import(addressOf(
    main.replaceAll('"@litertjs/wasm-utils"', JSON.stringify(address)), type));
  const isNew = await litert.supportsFeature("relaxedSimd");
  const name = isNew ? "litert_wasm_internal" : "litert_wasm_compat_internal";
  const [script, binary] = await Promise.all([
    fetchChecked(files[`${name}.js`]).then((x) => x.text()),
    fetchChecked(files[`${name}.wasm`]).then((x) => x.arrayBuffer()),
  ]);
  // The settings of the script, which would look for the binary next to it.
  self.Module = {wasmBinary: binary};
  // LiteRT takes an address that does not end like this for a folder.
  await litert.loadLiteRt(`${addressOf(script, type)}#.js`);
  return litert;
}

/** Whether the browser has WebGPU, and why not. */
export async function findWebGpu() {
  if (!self.isSecureContext) {
    return "WebGPU needs a page on https or on this computer.";
  }
  if (!navigator.gpu) return "This browser has no WebGPU.";
  const adapter = await navigator.gpu.requestAdapter().catch(() => null);
  return adapter ? null : "This browser has WebGPU, but found no GPU for it.";
}

/** A file of the model, compiled for one of the ways to run it. */
export class Model {
  /**
   * @param {object} litert The result of `loadRuntime()`.
   * @param {Tokenizer} tokenizer
   * @param {object} contract The contents of `contract.json`.
   */
  constructor(litert, tokenizer, contract) {
    this.litert = litert;
    this.tokenizer = tokenizer;
    this.contract = contract;
    this.signatures = [...contract.signatures]
      .sort((a, b) => a.sequence_length - b.sequence_length);
    this.longest = this.signatures[this.signatures.length - 1];
    this.times = {tokenizer: 0, model: 0};
  }

  /**
   * Compile the file.
   *
   * @param {Uint8Array} contents
   * @param {string} accelerator "wasm" or "webgpu".
   */
  async compile(contents, accelerator) {
    const compiled = await this.litert.loadAndCompile(contents, {accelerator});
    this.compiled?.delete();
    this.compiled = compiled;
    this.accelerator = accelerator;
  }

  /** Tokenize a text, and add the time to the others. */
  tokenize(text) {
    const start = performance.now();
    const tokens = this.tokenizer.encode(text);
    this.times.tokenizer += performance.now() - start;
    return tokens;
  }

  pack(segments, length = this.longest.sequence_length) {
    return pack(segments, length, this.contract);
  }

  /** The number of values per position of an output. */
  widthOf(name) {
    const {shape} = this.contract.outputs.find((x) => x.name === name);
    return shape[shape.length - 1];
  }

  /** Run the shortest of the signatures that the inputs fit in. */
  async run(inputs) {
    const used = inputs.input_mask.lastIndexOf(1) + 1;
    const signature = this.signatures.find((x) => x.sequence_length >= used);
    return this.runSignature(signature, inputs);
  }

  async runSignature({name, sequence_length: length}, inputs) {
    const start = performance.now();
    const tensors = {};
    for (const [input, values] of Object.entries(inputs)) {
      tensors[input] = new this.litert.Tensor(
        Int32Array.from(values.slice(0, length)), [1, length]);
    }
    const outputs = {};
    try {
      const results = await this.compiled.run(name, tensors);
      for (const [output, tensor] of Object.entries(results)) {
        // The values belong to the tensor, which is deleted.
        outputs[output] = Float32Array.from(await tensor.data());
        tensor.delete();
      }
    } finally {
      for (const tensor of Object.values(tensors)) tensor.delete();
    }
    this.times.model += performance.now() - start;
    return outputs;
  }

  /** The times since the last call, in milliseconds. */
  takeTimes() {
    const {times} = this;
    this.times = {tokenizer: 0, model: 0};
    return times;
  }
}
