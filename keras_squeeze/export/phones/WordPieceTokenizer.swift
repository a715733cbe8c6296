// Makes the inputs of an exported file, and checks in an app that it computes what Python did.
// It was never compiled, unlike its twin in Kotlin, which the tests run: call `check()` in a test
// of the app. Copy this file into it, and vocab.txt, contract.json, characters.json and
// golden.json.
//
//     func read(_ name: String) throws -> Data {
//         try Data(contentsOf: Bundle.main.url(forResource: name, withExtension: nil)!)
//     }
//     let tokenizer = try WordPieceTokenizer(
//         read("contract.json"), read("vocab.txt"), read("characters.json"))
//     let inputs = tokenizer.pack(["See you at nine"], length: 128)

import Foundation

/// A token. Its position counts Unicode scalars.
public struct Token { public let id, start, end, word: Int }

public final class WordPieceTokenizer {
    /// A Unicode scalar of the normalized text, and its position in the text.
    private struct Piece { let code, start, end: Int }

    /// Ranges of scalars: several lists of the first and the last one of each.
    private struct Ranges {
        var rows: [(first: Int, last: Int, kind: Int)] = []
        init(_ lists: [[Int]]) {
            for (kind, x) in lists.enumerated() {
                for i in stride(from: 0, to: x.count, by: 2) { rows.append((x[i], x[i + 1], kind)) }
            }
            rows.sort { $0.first < $1.first }
        }
        /// The index of the list that has the scalar, or -1.
        func find(_ code: Int) -> Int {
            var low = 0, high = rows.count
            while low < high {
                let middle = (low + high) / 2
                if rows[middle].last < code { low = middle + 1 } else { high = middle }
            }
            return low < rows.count && rows[low].first <= code ? rows[low].kind : -1
        }
    }

    private typealias Object = [String: Any]
    private typealias Kept = [(codes: [Int], id: Int)]
    private let settings, packing: Object, prefix: [Int], longestToken: Int, hasHangul: Bool
    private let kinds, punctuation, barriers, marks: Ranges
    // Strings with other scalars can be equal in Swift, so the keys are not strings.
    private var ids: [[Int]: Int] = [:], replaced: [Int: [Int]] = [:]
    private var special: Kept = [], added: Kept = []

    public init(_ contract: Data, _ vocabulary: Data, _ characters: Data) throws {
        let contract = try JSONSerialization.jsonObject(with: contract) as! Object
        let table = try JSONSerialization.jsonObject(with: characters) as! Object
        settings = contract["tokenizer"] as! Object
        packing = contract["packing"] as! Object
        prefix = Self.codes(settings["start_of_continuing_pieces"] as! String)
        hasHangul = table["decompose_hangul"] as! Bool
        kinds = Ranges(["removed", "spaces", "alone"].map { table[$0] as! [Int] })
        punctuation = Ranges([table["punctuation"] as! [Int]])
        barriers = Ranges([table["barriers"] as! [Int]])
        marks = Ranges(table["marks"] as! [[Int]])
        var tokens = Self.codes(String(decoding: vocabulary, as: UTF8.self))
            .split(separator: 10, omittingEmptySubsequences: false).map { Array($0) }
        if tokens.last!.isEmpty { tokens.removeLast() }
        longestToken = tokens.map { $0.count }.max()!
        for (id, token) in tokens.enumerated() { ids[token] = id }
        for row in table["replaced"] as! [[Int]] { replaced[row[0]] = Array(row.dropFirst()) }
        func kept(_ name: String, _ change: ([Piece]) -> [Piece]) -> Kept {
            (settings["kept_tokens"] as! [String: [String]])[name]!
                .map { (codes: change(pieces($0)).map { $0.code }, id: ids[Self.codes($0)]!) }
                .filter { !$0.codes.isEmpty }.sorted { $0.codes.count > $1.codes.count }
        }
        special = kept("in_text") { $0 }
        added = kept("in_normalized_text") { normalize($0) }
    }

    private static func codes(_ text: String) -> [Int] { text.unicodeScalars.map { Int($0.value) } }
    private func pieces(_ text: String) -> [Piece] {
        Self.codes(text).enumerated().map { Piece(code: $1, start: $0, end: $0 + 1) }
    }

    /// The id of a role: "padding", "unknown", "start", "end" or "mask".
    public func id(of role: String) -> Int {
        ids[Self.codes((settings["roles"] as! [String: String])[role]!)]!
    }

    /// Turn a text into tokens.
    public func encode(_ text: String) -> [Token] {
        var found: [Token] = [], word = 0
        func add(_ id: Int, _ part: [Piece]) {
            found.append(Token(id: id, start: part[0].start, end: part.last!.end, word: word))
        }
        for (part, id) in split(pieces(text), special) {
            if let id = id { add(id, part); word += 1; continue }
            for (some, id) in split(normalize(part).filter { $0.code >= 0 }, added) {
                if let id = id { add(id, some); word += 1; continue }
                for one in words(some) {
                    for (id, piece) in wordPieces(one) { add(id, piece) }
                    word += 1
                }
            }
        }
        return found
    }

    /// Split a text into parts, each with the id of the token that it is, or nil.
    private func split(_ all: [Piece], _ kept: Kept) -> [([Piece], Int?)] {
        var parts: [([Piece], Int?)] = [], first = 0, i = 0
        while i <= all.count {
            let rest = all[i...].lazy.map { $0.code }
            let match = kept.first { rest.starts(with: $0.codes) }
            let next = i + (match?.codes.count ?? 1), isEnd = match != nil || i == all.count
            if isEnd && first < i { parts.append((Array(all[first..<i]), nil)) }
            if let match = match { parts.append((Array(all[i..<next]), match.id)) }
            if isEnd { first = next }
            i = next
        }
        return parts
    }

    private func normalize(_ pieces: [Piece]) -> [Piece] {
        let found = pieces.flatMap { x -> [Piece] in
            let results = replace(x.code)
            // Marks do not change places with a barrier, although it is removed.
            let isBarrier = results.isEmpty && barriers.find(x.code) >= 0
            return (isBarrier ? [-1] : results).map { Piece(code: $0, start: x.start, end: x.end) }
        }
        // Marks are sorted by class, up to the next other scalar.
        let kinds = found.map { marks.find($0.code) }
        var runs = [0]
        for kind in kinds { runs.append(runs.last! + (kind < 0 ? 1 : 0)) }
        let order = found.indices.sorted {
            (runs[$0 + 1], kinds[$0], $0) < (runs[$1 + 1], kinds[$1], $1)
        }
        return order.map { found[$0] }
    }

    private func replace(_ code: Int) -> [Int] {
        if let known = replaced[code] { return known }
        let i = code - 0xAC00
        if hasHangul && (0..<11172).contains(i) {
            let letters = [0x1100 + i / 588, 0x1161 + i % 588 / 28]
            return i % 28 == 0 ? letters : letters + [0x11A7 + i % 28]
        }
        let results: [[Int]] = [[], [32], [32, code, 32]], kind = kinds.find(code)
        return kind < 0 ? [code] : results[kind]
    }

    private func words(_ pieces: [Piece]) -> [[Piece]] {
        if !(settings["splits_text_into_words"] as! Bool) { return [pieces] }
        var words: [[Piece]] = [[]]
        for piece in pieces {
            let isAlone = piece.code == 32 || punctuation.find(piece.code) >= 0
            if isAlone { words.append([]) }
            if piece.code != 32 { words[words.count - 1].append(piece) }
            if isAlone { words.append([]) }
        }
        return words.filter { !$0.isEmpty }
    }

    /// Split a word into the longest tokens of the vocabulary, with their ids.
    private func wordPieces(_ word: [Piece]) -> [(Int, [Piece])] {
        var found: [(Int, [Piece])] = [], first = 0
        let codes = word.map { $0.code }, limit = settings["longest_word"] as! Int
        while first < word.count {
            let longest = word.count > limit ? first : min(word.count, first + longestToken)
            func id(_ last: Int) -> Int? { ids[(first == 0 ? [] : prefix) + codes[first..<last]] }
            let last = stride(from: longest, to: first, by: -1).first { id($0) != nil }
            guard let end = last else { return [(self.id(of: "unknown"), word)] }
            found.append((id(end)!, Array(word[first..<end])))
            first = end
        }
        return found
    }

    /// Make the inputs of the file, by name, from a text or from the two texts of a pair.
    public func pack(_ texts: [String], length: Int) -> [String: [Int32]] {
        let all = texts.map { encode($0).map { $0.id } }, room = length - 1 - texts.count
        var words = [id(of: "start")], types = [0]
        for (i, size) in sizes(all.map { $0.count }, room).enumerated() {
            let isLeft = packing["truncation_side"] as! String == "left"
            words += (isLeft ? all[i].suffix(size) : all[i].prefix(size)) + [id(of: "end")]
            types += Array(repeating: i, count: size + 1)
        }
        func pad(_ x: [Int], _ padding: Int) -> [Int32] {
            (0..<length).map { Int32($0 < x.count ? x[$0] : padding) }
        }
        return ["input_word_ids": pad(words, id(of: "padding")),
                "input_mask": pad(words.map { _ in 1 }, 0), "input_type_ids": pad(types, 0)]
    }

    /// How many tokens to keep of each text.
    private func sizes(_ all: [Int], _ room: Int) -> [Int] {
        var kept = all
        while kept.reduce(0, +) > room {
            let longest = kept.indices.filter { kept[$0] == kept.max()! }
            let places = [
                "only_first": 0, "only_second": 1, "waterfall": kept.lastIndex { $0 > 0 } ?? 0,
                "longest_first": longest.min { all[$0] < all[$1] }!]
            kept[places[packing["truncation"] as! String] ?? longest.last!] -= 1
        }
        precondition(kept.allSatisfy { $0 >= 0 }, "The other text alone is too long.")
        return kept
    }

    private func numbers(_ x: Any) -> [Double] {
        (x as? [Any])?.flatMap { numbers($0) } ?? [(x as! NSNumber).doubleValue]
    }

    /// Compare with the examples in golden.json, and return what differs, if anything does. `run`
    /// runs a signature of the file, and returns its flat outputs by name. On a CPU, they differ
    /// by 1e-3 of the largest output, or by 0.1 if the file is quantized, and on a GPU by 2e-2.
    public func check(
        _ golden: Data, tolerance: Double,
        run: (_ signature: String, _ inputs: [String: [Int32]]) throws -> [String: [Float]]
    ) throws -> [String] {
        let examples = try JSONSerialization.jsonObject(with: golden) as! [Object]
        var scales: [String: Double] = [:], differences: [String] = []
        for (name, x) in examples.flatMap({ Array($0["outputs"] as! Object) }) {
            scales[name] = max(scales[name] ?? 0, numbers(x).map { abs($0) }.max()!)
        }
        for (i, example) in examples.enumerated() {
            let inputs = (example["inputs"] as! Object).mapValues { numbers($0).map { Int32($0) } }
            let mask = inputs["input_mask"]!
            let packed = pack(example["texts"] as! [String], length: mask.count)
            let found = try run(example["signature"] as! String, packed)
            var others = inputs.keys.filter { packed[$0] != inputs[$0] }
            for (name, x) in example["outputs"] as! Object {
                let errors = zip(numbers(x), found[name]!).map { abs($0 - Double($1)) }
                // What is not a number is not within any bound.
                if !errors.allSatisfy({ $0 <= tolerance * scales[name]! }) { others.append(name) }
            }
            for (name, x) in example["largest_values_at"] as! Object {
                let places = numbers(x).map { Int($0) }, width = found[name]!.count / places.count
                let tokens = min(places.count, mask.filter { $0 == 1 }.count)
                let same = (0..<tokens).filter { t in
                    let row = found[name]![(t * width)...].prefix(width)
                    return row[row.startIndex + places[t]] == row.max()!
                }
                if Double(same.count) < 0.9 * Double(tokens) { others.append(name) }
            }
            differences += others.map { "example \(i): \($0)" }
        }
        return differences
    }
}
