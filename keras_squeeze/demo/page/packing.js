/** Packs tokens into the inputs of the model, as its preprocessor does. */

/** How many tokens to keep of each segment. */
export function truncate(lengths, room, strategy) {
  const sum = (values) => values.reduce((a, b) => a + b, 0);
  const index = ["only_first", "only_second"].indexOf(strategy);
  if (index >= 0) {
    const others = sum(lengths) - (lengths[index] ?? 0);
    if (others > room) throw new Error("The other text alone is too long.");
    return lengths.map((x, i) => (i === index ? Math.min(x, room - others) : x));
  }
  if (strategy === "waterfall") {
    let left = room;
    return lengths.map((x) => {
      const kept = Math.min(x, left);
      left -= kept;
      return kept;
    });
  }
  // Cut the longest segments to the length at which all fit.
  let level = Math.floor(room / lengths.length);
  for (let i = 0; i < lengths.length; i++) {
    const short = lengths.filter((x) => x <= level);
    const cut = Math.max(lengths.length - short.length, 1);
    level = Math.max(level, Math.floor((room - sum(short)) / cut));
  }
  const kept = lengths.map((x) => Math.min(x, level));
  // Segments that are cut share the tokens that are left over.
  const order = lengths.map((length, i) => ({length, i}))
    .filter((x) => x.length > level);
  if (strategy === "longest_first") {
    order.sort((a, b) => b.length - a.length || b.i - a.i);
  }
  for (const {i} of order.slice(0, room - sum(kept))) kept[i]++;
  return kept;
}

/**
 * Pack segments.
 *
 * @param {Array} segments One or two lists of ids.
 * @param {number} length The length of the inputs.
 * @param {object} contract The contents of `contract.json`.
 * @return {object} The `inputs` by name, and how many ids of each segment are
 *     `kept`.
 */
export function pack(segments, length, contract) {
  const {roles, special_ids: special} = contract.tokenizer;
  const {truncation, truncation_side: side} = contract.packing;
  const kept = truncate(
    segments.map((x) => x.length), length - 1 - segments.length, truncation);
  const ids = [special[roles.start]];
  const types = [0];
  segments.forEach((segment, i) => {
    const start = side === "left" ? segment.length - kept[i] : 0;
    ids.push(...segment.slice(start, start + kept[i]), special[roles.end]);
    while (types.length < ids.length) types.push(i);
  });
  const padded = (values, padding) =>
    [...values, ...Array(length - values.length).fill(padding)];
  return {
    kept,
    inputs: {
      input_word_ids: padded(ids, special[roles.padding]),
      input_mask: padded(ids.map(() => 1), 0),
      input_type_ids: padded(types, 0),
    },
  };
}

/** Overlapping windows over a row of tokens, with their start and size. */
export function windowsOf(length, room, overlap) {
  const step = room - overlap;
  const count = 1 + Math.ceil(Math.max(length - room, 0) / step);
  return Array.from({length: count}, (_, i) => (
    {start: i * step, size: Math.min(room, length - i * step)}));
}
