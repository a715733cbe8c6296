/** BERT's WordPiece, with the ids that the model was trained with. */

const HANGUL = {first: 0xac00, last: 0xd7a3, lead: 0x1100, vowel: 0x1161,
  tail: 0x11a7, vowels: 21, tails: 28};
// JavaScript strings may have halves of characters, which are not text.
const HALF_A_CHARACTER = /\p{Surrogate}/gu;

const KEPT = 0;
const REMOVED = 1;
const SPACE = 2;
const ALONE = 3;

/** What each range of code points has in common. */
class Ranges {
  /** @param {Array} kinds Pairs of a value and its ranges, which are flat. */
  constructor(kinds) {
    this.ranges = [];
    for (const [value, flat] of kinds) {
      for (let i = 0; i < flat.length; i += 2) {
        this.ranges.push([flat[i], flat[i + 1], value]);
      }
    }
    this.ranges.sort((a, b) => a[0] - b[0]);
  }

  /** The value of the range of a code point, or `otherwise`. */
  find(codePoint, otherwise) {
    let low = 0;
    let high = this.ranges.length - 1;
    while (low <= high) {
      const middle = (low + high) >> 1;
      const [first, last, value] = this.ranges[middle];
      if (codePoint < first) high = middle - 1;
      else if (codePoint > last) low = middle + 1;
      else return value;
    }
    return otherwise;
  }
}

/**
 * Converts text to ids.
 *
 * Positions in a text count characters, as in Python, and not the units of 16
 * bits that JavaScript's own strings count.
 */
export class Tokenizer {
  /**
   * @param {object} settings The entry "tokenizer" of `contract.json`.
   * @param {string} vocabulary The contents of the vocabulary file.
   * @param {object} characters The contents of `characters.json`.
   */
  constructor(settings, vocabulary, characters) {
    this.tokens = vocabulary.replace(/\n$/, "").split("\n");
    this.ids = new Map(this.tokens.map((token, id) => [token, id]));
    this.roles = settings.roles;
    this.prefix = settings.start_of_continuing_pieces;
    this.longestWord = settings.longest_word;
    this.longestToken = this.tokens.reduce(
      (longest, token) => Math.max(longest, [...token].length), 0);
    this.splits = settings.splits_text_into_words;
    this.kinds = new Ranges([
      [REMOVED, characters.removed],
      [SPACE, characters.spaces],
      [ALONE, characters.alone],
    ]);
    this.replaced = new Map(characters.replaced.map(([from, ...to]) => [
      from, to.map((x) => String.fromCodePoint(x)),
    ]));
    this.decomposesHangul = characters.decompose_hangul;
    this.punctuation = new Ranges([[true, characters.punctuation]]);
    this.marks = new Ranges(characters.marks.map((x, i) => [i, x]));
    this.barriers = new Ranges([[true, characters.barriers]]);
    this.hasMarks = characters.marks.length > 0;
    this.ofAscii = [];
    for (let i = 0; i < 128; i++) this.ofAscii.push(this.replace(i));
    this.special = anyOf(settings.kept_tokens.in_text);
    this.added = new Map(settings.kept_tokens.in_normalized_text.map((x) => [
      this.normalize([...x], 0).map((y) => y.character).join(""), x,
    ]).reverse());
    this.addedPattern = anyOf([...this.added.keys()]);
  }

  /** The id of a token, such as `tokenizer.id("[CLS]")`. */
  id(token) {
    return this.ids.get(token);
  }

  /**
   * Tokenize a text.
   *
   * @param {string} text
   * @return {Array} The tokens: the `id` of each, its `start` and `end` in
   *     the text, and the number of its `word`.
   */
  encode(text) {
    const tokens = [];
    let word = 0;
    let start = 0;
    const whole = text.replace(HALF_A_CHARACTER, "\ufffd");
    for (const [part, isToken] of partsOf(whole, this.special)) {
      const characters = [...part];
      const end = start + characters.length;
      if (isToken) {
        tokens.push({id: this.id(part), start, end, word: word++});
      } else {
        for (const piece of this.pieces(this.normalize(characters, start))) {
          if (piece.token !== undefined) {
            tokens.push({...piece, id: this.id(piece.token), word});
          } else {
            tokens.push(...this.wordPieces(piece, word));
          }
          word++;
        }
      }
      start = end;
    }
    return tokens;
  }

  /** What a code point becomes, as a list of characters. */
  replace(codePoint) {
    const replaced = this.replaced.get(codePoint);
    if (replaced) return replaced;
    const {first, last, lead, vowel, tail, vowels, tails} = HANGUL;
    if (this.decomposesHangul && codePoint >= first && codePoint <= last) {
      const index = codePoint - first;
      const letters = [
        lead + Math.floor(index / (vowels * tails)),
        vowel + Math.floor((index % (vowels * tails)) / tails),
      ];
      if (index % tails) letters.push(tail + index % tails);
      return letters.map((x) => String.fromCodePoint(x));
    }
    const character = String.fromCodePoint(codePoint);
    switch (this.kinds.find(codePoint, KEPT)) {
      case REMOVED: return [];
      case SPACE: return [" "];
      case ALONE: return [" ", character, " "];
      default: return [character];
    }
  }

  /** Normalize characters, and keep the position that each comes from. */
  normalize(characters, start) {
    const normalized = [];
    let classes = 0;
    characters.forEach((from, i) => {
      const codePoint = from.codePointAt(0);
      const replaced = codePoint < 128 ?
        this.ofAscii[codePoint] : this.replace(codePoint);
      for (const character of replaced) {
        normalized.push({character, start: start + i, end: start + i + 1});
      }
      if (this.hasMarks && codePoint >= 128) {
        if (!replaced.length && this.barriers.find(codePoint, false)) {
          normalized.push({character: "", start: start + i, end: start + i});
        }
        classes += replaced.some((x) => this.classOf(x) >= 0);
      }
    });
    return classes ? this.sortMarks(normalized) : normalized;
  }

  classOf(character) {
    return character ? this.marks.find(character.codePointAt(0), -1) : -1;
  }

  /** Sort the marks between two other characters by their classes. */
  sortMarks(normalized) {
    const sorted = [];
    let marks = [];
    const flush = () => {
      marks.sort((a, b) => a.order - b.order);
      for (const {mark} of marks) sorted.push(mark);
      marks = [];
    };
    for (const mark of normalized) {
      const order = this.classOf(mark.character);
      if (order >= 0) {
        marks.push({mark, order});
      } else {
        flush();
        sorted.push(mark);
      }
    }
    flush();
    return sorted;
  }

  /** Split normalized characters into words, and into tokens to keep. */
  * pieces(normalized) {
    const characters = normalized.filter((x) => x.character);
    const text = characters.map((x) => x.character).join("");
    let first = 0;
    for (const [part, isToken] of partsOf(text, this.addedPattern)) {
      const last = first + [...part].length;
      const of = characters.slice(first, last);
      if (isToken) {
        const {start} = of[0];
        const {end} = of[of.length - 1];
        yield {token: this.added.get(part), start, end};
      } else {
        yield* this.words(of);
      }
      first = last;
    }
  }

  /** Split normalized characters into words. */
  * words(characters) {
    if (!this.splits) {
      if (characters.length) yield characters;
      return;
    }
    let word = [];
    for (const x of characters) {
      const isSpace = x.character === " ";
      const isAlone = !isSpace && this.isPunctuation(x.character);
      if ((isSpace || isAlone) && word.length) {
        yield word;
        word = [];
      }
      if (isAlone) yield [x];
      else if (!isSpace) word.push(x);
    }
    if (word.length) yield word;
  }

  isPunctuation(character) {
    return this.punctuation.find(character.codePointAt(0), false);
  }

  /** Split a word into the longest tokens of the vocabulary. */
  wordPieces(characters, word) {
    const unknown = [{
      id: this.id(this.roles.unknown),
      start: characters[0].start,
      end: characters[characters.length - 1].end,
      word,
    }];
    if (characters.length > this.longestWord) return unknown;
    const tokens = [];
    for (let first = 0; first < characters.length;) {
      let last = Math.min(characters.length, first + this.longestToken);
      let piece = first ? this.prefix : "";
      const ends = [];
      for (let i = first; i < last; i++) {
        piece += characters[i].character;
        ends.push(piece);
      }
      while (last > first && !this.ids.has(ends[last - first - 1])) last--;
      if (last === first) return unknown;
      tokens.push({
        id: this.id(ends[last - first - 1]),
        start: characters[first].start,
        end: characters[last - 1].end,
        word,
      });
      first = last;
    }
    return tokens;
  }
}

/** A pattern for any of some tokens, of which the longest counts. */
function anyOf(tokens) {
  if (!tokens.length) return null;
  const escaped = [...tokens]
    .sort((a, b) => b.length - a.length)
    .map((x) => x.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&"));
  return new RegExp(escaped.join("|"), "gu");
}

/** Split a text into pairs of a part and whether it matches the pattern. */
function* partsOf(text, pattern) {
  let end = 0;
  for (const match of pattern ? text.matchAll(pattern) : []) {
    if (match.index > end) yield [text.slice(end, match.index), false];
    yield [match[0], true];
    end = match.index + match[0].length;
  }
  if (end < text.length) yield [text.slice(end), false];
}
