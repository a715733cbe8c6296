/** Compares the page with the examples that were exported with the model. */

// The largest difference from the exported outputs, relative to the largest
// value of an output. Processors add numbers in different orders, which can
// move a value to the next of the steps of 8-bit numbers. GPUs may compute
// with 16 bits.
const TOLERANCES = {wasm: {float: 1e-3, quantized: 2e-2},
  webgpu: {float: 2e-2, quantized: 4e-2}};
// Of large outputs, only the places of the largest values are compared.
const EQUAL_PLACES = 0.95;

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

/**
 * Run the model on the examples.
 *
 * @param {Model} model
 * @param {Array} examples The contents of `golden.json`.
 * @param {function(number)} tell Called with the number of examples done.
 * @return {Promise<object>} The number of examples `count`, those with
 *     `sameIds`, the largest `difference`, the share of the `samePlaces`, and
 *     whether the model has `passed`.
 */
export async function check(model, examples, tell = () => {}) {
  const scales = {};
  for (const {outputs} of examples) {
    for (const [name, values] of Object.entries(outputs)) {
      const size = values.flat(Infinity)
        .reduce((a, b) => Math.max(a, Math.abs(b)), 0);
      scales[name] = Math.max(scales[name] ?? 0, size);
    }
  }
  let sameIds = 0;
  let difference = 0;
  const places = {same: 0, all: 0};
  for (const [i, example] of examples.entries()) {
    const signature = model.signatures
      .find((x) => x.name === example.signature);
    const segments = example.texts
      .map((text) => model.tokenizer.encode(text).map((x) => x.id));
    const {inputs} = model.pack(segments, signature.sequence_length);
    sameIds += Object.entries(example.inputs).every(
      ([name, values]) => values.every((x, j) => x === inputs[name][j]));
    const outputs = await model.runSignature(signature, example.inputs);
    for (const [name, values] of Object.entries(example.outputs)) {
      values.flat(Infinity).forEach((expected, j) => {
        const relative = Math.abs(outputs[name][j] - expected) / scales[name];
        // Not a number is not within any tolerance.
        difference = relative <= difference ? difference : relative;
      });
    }
    for (const [name, expected] of Object.entries(example.largest_values_at)) {
      const isRow = Array.isArray(expected);
      const count = isRow ? example.inputs.input_mask.lastIndexOf(1) + 1 : 1;
      const found = placesOfLargest(outputs[name], model.widthOf(name), count);
      places.all += count;
      places.same += found
        .filter((x, j) => x === (isRow ? expected[j] : expected)).length;
    }
    tell(i + 1);
    // Let the browser draw.
    await new Promise((resolve) => setTimeout(resolve));
  }
  model.takeTimes();
  const isFloat = model.contract.quantization.startsWith("float");
  const limits = TOLERANCES[model.accelerator];
  const samePlaces = places.all ? places.same / places.all : 1;
  return {
    count: examples.length,
    sameIds,
    difference,
    samePlaces,
    comparesPlaces: places.all > 0,
    comparesValues: Object.keys(scales).length > 0,
    passed: sameIds === examples.length && samePlaces >= EQUAL_PLACES &&
      difference <= (isFloat ? limits.float : limits.quantized),
  };
}
