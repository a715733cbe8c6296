// Makes the inputs of an exported file, and checks in an app that it computes what Python did.
// Copy this file into the app, and vocab.txt, contract.json, characters.json and golden.json into
// its assets. It needs Android 7, or elsewhere the library org.json.
//
//     fun read(name: String) = assets.open(name).bufferedReader().readText()
//     val tokenizer =
//         WordPieceTokenizer(read("contract.json"), read("vocab.txt"), read("characters.json"))
//     val inputs = tokenizer.pack(listOf("See you at nine"), 128)

import kotlin.math.abs
import org.json.JSONArray
import org.json.JSONObject

/** A token. Its position counts characters: `text.offsetByCodePoints(0, start)`. */
data class Token(val id: Int, val start: Int, val end: Int, val word: Int)

class WordPieceTokenizer(contract: String, vocabulary: String, characters: String) {
    /** A character of the normalized text, and its position in the text. */
    private class Piece(val code: Int, val start: Int, val end: Int)
    /** Ranges of characters: several lists of the first and the last one of each. */
    private class Ranges(lists: List<List<Int>>) {
        private val rows = java.util.TreeMap(lists.flatMapIndexed { i, list ->
            list.chunked(2) { (first, last) -> first to (last to i) } }.toMap())
        /** The index of the list that has the character, or -1. */
        fun find(code: Int) =
            rows.floorEntry(code)?.value?.let { (last, i) -> if (code <= last) i else -1 } ?: -1
    }

    private val settings = JSONObject(contract).getJSONObject("tokenizer")
    private val packing = JSONObject(contract).getJSONObject("packing")
    private val prefix = settings.getString("start_of_continuing_pieces")
    private val ids = vocabulary.removeSuffix("\n").split("\n").withIndex()
        .associate { (id, token) -> token to id }
    private val longestToken = ids.keys.maxOf { it.codePointCount(0, it.length) }
    private val table = JSONObject(characters)
    private val kinds = Ranges(listOf(ints("removed"), ints("spaces"), ints("alone")))
    private val punctuation = Ranges(listOf(ints("punctuation")))
    private val barriers = Ranges(listOf(ints("barriers")))
    private val marks = Ranges(lists("marks"))
    private val replaced = lists("replaced").associate { it[0] to it.drop(1) }
    private val special = keptTokens("in_text") { codesOf(it) }
    private val added =
        keptTokens("in_normalized_text") { text -> normalize(codesOf(text), 0).map { it.code } }

    private fun <T> list(array: JSONArray, read: JSONArray.(Int) -> T) =
        List(array.length()) { array.read(it) }
    private fun ints(name: String) = list(table.getJSONArray(name)) { getInt(it) }
    private fun lists(name: String) =
        list(table.getJSONArray(name)) { i -> list(getJSONArray(i)) { getInt(it) } }
    private fun numbers(x: Any): List<Number> =
        if (x is JSONArray) list(x) { numbers(get(it)) }.flatten() else listOf(x as Number)
    private fun keptTokens(name: String, codesOf: (String) -> List<Int>) =
        list(settings.getJSONObject("kept_tokens").getJSONArray(name)) { getString(it) }
            .sortedBy { codesOf(it).size }.reversed().associateBy(codesOf) - listOf(emptyList())
    private fun codesOf(text: String) =
        text.codePoints().toArray().map { if (it in 0xD800..0xDFFF) 0xFFFD else it }

    /** The id of a role: "padding", "unknown", "start", "end" or "mask". */
    fun idOf(role: String) = ids.getValue(settings.getJSONObject("roles").getString(role))

    /** Turn a text into tokens. */
    fun encode(text: String): List<Token> {
        val found = mutableListOf<Token>()
        var word = 0
        var start = 0
        for ((part, token) in split(codesOf(text), special) { it }) {
            if (token != null) found += Token(ids.getValue(token), start, start + part.size, word++)
            val pieces = if (token == null) normalize(part, start) else emptyList()
            for ((some, kept) in split(pieces.filter { it.code >= 0 }, added) { it.code }) {
                if (kept == null) words(some).forEach { found += wordPieces(it, word++) }
                else found += Token(ids.getValue(kept), some[0].start, some.last().end, word++)
            }
            start += part.size
        }
        return found
    }

    /** Split items into parts, each with the token that it is, or null. */
    private fun <T> split(items: List<T>, kept: Map<List<Int>, String>, of: (T) -> Int) = sequence {
        var first = 0
        var i = 0
        while (i <= items.size) {
            val match = kept.entries.find { (codes, _) -> i + codes.size <= items.size &&
                codes.indices.all { of(items[i + it]) == codes[it] } }
            val next = i + (match?.key?.size ?: 1)
            val isEnd = match != null || i == items.size
            if (isEnd && first < i) yield(items.subList(first, i) to null as String?)
            if (match != null) yield(items.subList(i, next) to match.value)
            if (isEnd) first = next
            i = next
        }
    }

    private fun normalize(codes: List<Int>, start: Int): List<Piece> {
        val found = codes.flatMapIndexed { i, code ->
            val results = replace(code)
            // Marks do not change places with a barrier, although it is removed.
            if (results.isEmpty() && barriers.find(code) >= 0) listOf(Piece(-1, 0, 0))
            else results.map { Piece(it, start + i, start + i + 1) }
        }
        // Marks are sorted by class, up to the next other character.
        val classes = found.map { marks.find(it.code) }
        val runs = classes.runningFold(0) { run, x -> if (x < 0) run + 1 else run }.drop(1)
        return found.indices.sortedWith(compareBy({ runs[it] }, { classes[it] })).map { found[it] }
    }

    private fun replace(code: Int): List<Int> {
        val i = code - 0xAC00
        val hangul = listOf(0x1100 + i / 588, 0x1161 + i % 588 / 28, 0x11A7 + i % 28)
        val results = listOf(emptyList(), listOf(32), listOf(32, code, 32))
        val isHangul = i in 0 until 11172 && table.getBoolean("decompose_hangul")
        return replaced[code] ?: if (isHangul) hangul.take(if (i % 28 == 0) 2 else 3)
            else results.getOrElse(kinds.find(code)) { listOf(code) }
    }

    private fun words(pieces: List<Piece>): List<List<Piece>> {
        if (!settings.getBoolean("splits_text_into_words")) return listOf(pieces)
        val ends = pieces.map { it.code == 32 || punctuation.find(it.code) >= 0 }
        val isFirst = pieces.indices.map { it == 0 || ends[it] || ends[it - 1] }
        val numbers = isFirst.runningFold(0) { number, x -> if (x) number + 1 else number }.drop(1)
        return pieces.zip(numbers).groupBy({ it.second }, { it.first }).values
            .filter { it[0].code != 32 }
    }

    /** Split a word into the longest tokens of the vocabulary. */
    private fun wordPieces(word: List<Piece>, number: Int): List<Token> {
        val unknown = listOf(Token(idOf("unknown"), word[0].start, word.last().end, number))
        if (word.size > settings.getInt("longest_word")) return unknown
        val codes = IntArray(word.size) { word[it].code }
        val found = mutableListOf<Token>()
        var first = 0
        while (first < word.size) {
            fun text(size: Int) = (if (first == 0) "" else prefix) + String(codes, first, size)
            val longest = minOf(word.size - first, longestToken)
            val size = (longest downTo 1).find { text(it) in ids } ?: return unknown
            val last = word[first + size - 1]
            found += Token(ids.getValue(text(size)), word[first].start, last.end, number)
            first += size
        }
        return found
    }

    /** Make the inputs of the file, by name, from a text or from the two texts of a pair. */
    fun pack(texts: List<String>, length: Int): Map<String, IntArray> {
        val all = texts.map { text -> encode(text).map { it.id } }
        val sizes = sizes(all.map { it.size }, length - 1 - all.size)
        val isLeft = packing.getString("truncation_side") == "left"
        val kept = all.zip(sizes) { ids, n -> if (isLeft) ids.takeLast(n) else ids.take(n) }
        val words = listOf(idOf("start")) + kept.flatMap { it + idOf("end") }
        val types = listOf(0) + kept.flatMapIndexed { i, ids -> List(ids.size + 1) { i } }
        fun pad(x: List<Int>, padding: Int) = IntArray(length) { x.getOrElse(it) { padding } }
        return mapOf("input_word_ids" to pad(words, idOf("padding")),
            "input_mask" to pad(words.map { 1 }, 0), "input_type_ids" to pad(types, 0))
    }

    /** How many tokens to keep of each text. */
    private fun sizes(all: List<Int>, room: Int): List<Int> {
        val kept = all.toMutableList()
        fun longest() = kept.indices.filter { kept[it] == kept.max() }
        while (kept.sum() > room) kept[when (packing.getString("truncation")) {
            "only_first" -> 0
            "only_second" -> 1
            "waterfall" -> kept.indexOfLast { it > 0 }
            "longest_first" -> longest().minBy { all[it] }
            else -> longest().last()
        }]--
        require(kept.all { it >= 0 }) { "The other text alone is too long." }
        return kept
    }

    /** Compare with the examples in golden.json, and return what differs, if anything does. `run`
     *  runs a signature of the file, and returns its flat outputs by name. On a CPU, they differ
     *  by 1e-3 of the largest output, or by 0.1 if the file is quantized, and on a GPU by 2e-2. */
    fun check(
        golden: String, tolerance: Float,
        run: (signature: String, inputs: Map<String, IntArray>) -> Map<String, FloatArray>
    ): List<String> {
        fun values(example: JSONObject, name: String) = example.getJSONObject(name)
            .let { x -> x.keys().asSequence().associateWith { numbers(x.get(it)) } }
        val examples = list(JSONArray(golden)) { getJSONObject(it) }
        val scales = examples.flatMap { values(it, "outputs").entries }.groupBy { it.key }
            .mapValues { (_, all) -> all.flatMap { it.value }.maxOf { abs(it.toFloat()) } }
        return examples.flatMapIndexed { i, example ->
            val inputs = values(example, "inputs").mapValues { x -> x.value.map { it.toInt() } }
            val mask = inputs.getValue("input_mask")
            val packed = pack(list(example.getJSONArray("texts")) { getString(it) }, mask.size)
            val found = run(example.getString("signature"), packed)
            (inputs.keys.filter { packed[it]?.toList() != inputs[it] } +
                values(example, "outputs").filter { (name, x) ->
                    val bound = tolerance * scales.getValue(name)
                    // What is not a number is not within any bound.
                    !x.indices.all { abs(x[it].toFloat() - found.getValue(name)[it]) <= bound }
                }.keys + values(example, "largest_values_at").filter { (name, x) ->
                    val rows = found.getValue(name).asList().chunked(found[name]!!.size / x.size)
                    val same = rows.zip(x) { row, at -> row.indexOf(row.max()) == at.toInt() }
                    same.take(mask.sum()).count { !it } > 0.1 * minOf(x.size, mask.sum())
                }.keys).map { "example $i: $it" }
        }
    }
}
