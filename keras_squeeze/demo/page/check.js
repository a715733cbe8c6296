/** Compares the page with the examples that were exported with the model. */

// The largest difference from the exported outputs, relative to the largest
// value of an output. GPUs may compute with 16 bits. In quantized files, the
// inputs of products are rounded to 8 bits, and one that rounds the other way
// on another processor moves all that follow.
const TOLERANCES = {wasm: 1e-3, webgpu: 2e-2};
const QUANTIZED_TOLERANCE = 0.1;
// Of large outputs, only the places of the largest values are compared.
const EQUAL_PLACES = 0.9;

/** The place of the largest value of each row of a flat array. */
function placesOfLargest(values, width, count) {
  return Array.from({length: count}, (_, row) => {
    let best = 0;
    for (let i = 1; i < width; i++) {
      if (values[row * width + i] > values[row * width + best]) best = i;
    }
    return best;
  });
}

/** Run the model on one of the examples, and add what differs to a result. */
async function compare(model, example, scales, result) {
  const signature = model.signatures.find((x) => x.name === example.signature);
  const segments = example.texts
    .map((text) => model.tokenizer.encode(text).map((x) => x.id));
  const {inputs} = model.pack(segments, signature.sequence_length);
  result.sameIds += Object.entries(example.inputs).every(
    ([name, values]) => values.every((x, i) => x === inputs[name][i]));
  const outputs = await model.runSignature(signature, example.inputs);
  for (const [name, values] of Object.entries(example.outputs)) {
    values.flat(Infinity).forEach((expected, i) => {
      const relative = Math.abs(outputs[name][i] - expected) / scales[name];
      // What is not a number is not within any tolerance.
      if (!(relative <= result.difference)) result.difference = relative;
    });
  }
  for (const [name, expected] of Object.entries(example.largest_values_at)) {
    const isRow = Array.isArray(expected);
    const count = isRow ? example.inputs.input_mask.lastIndexOf(1) + 1 : 1;
    const found = placesOfLargest(outputs[name], model.widthOf(name), count);
    result.places += count;
    result.samePlaces += found
      .filter((x, i) => x === (isRow ? expected[i] : expected)).length;
  }
}

/** The largest absolute value of each output in all examples. */
function scalesOf(examples) {
  const scales = {};
  for (const {outputs} of examples) {
    for (const [name, values] of Object.entries(outputs)) {
      const size = values.flat(Infinity)
        .reduce((a, b) => Math.max(a, Math.abs(b)), 0);
      scales[name] = Math.max(scales[name] ?? 0, size);
    }
  }
  return scales;
}

/**
 * Run the model on the examples.
 *
 * @param {Model} model
 * @param {Array} examples The contents of `golden.json`.
 * @param {function} inTurn Runs a function when the model is free.
 * @yield {object} After each example: the number of examples `done`, those with
 *     `sameIds`, the largest `difference` of outputs, how many of the `places`
 *     of largest values are `samePlaces`, and whether all this `passed`.
 */
export async function* check(model, examples, inTurn) {
  const scales = scalesOf(examples);
  const hasValues = Object.keys(scales).length > 0;
  const isFloat = model.contract.quantization.startsWith("float");
  const result = {
    done: 0, sameIds: 0, difference: 0, places: 0, samePlaces: 0, hasValues};
  for (const example of examples) {
    await inTurn(() => compare(model, example, scales, result));
    result.done++;
    const tolerance = isFloat ?
      TOLERANCES[model.accelerator] : QUANTIZED_TOLERANCE;
    result.passed = result.sameIds === result.done &&
      result.samePlaces >= EQUAL_PLACES * result.places &&
      result.difference <= tolerance;
    yield result;
    // Let the browser draw.
    await new Promise((resolve) => setTimeout(resolve));
  }
}
