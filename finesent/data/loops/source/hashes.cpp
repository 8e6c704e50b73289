// Hashes of many texts by functions of libraries that Python has in the process: to call them from Python, text by text,
// takes longer than they do. Text t has the bytes from edges[t] to edges[t + 1].
#include <cstddef>
#include <cstdint>
#include <vector>

#include "mapping.h"

extern "C" {

// Of OpenSSL.
typedef int (*Begin)(void* state);
typedef int (*Take)(void* state, const void* bytes, size_t count);
typedef int (*End)(uint8_t* digest, void* state);

// The first eight bytes of the SHA-256 of what a table of 256 makes of each text, the first the highest. Returns
// whether all went well.
int sha256(const uint8_t* letters, const int64_t* edges, int64_t texts, const uint8_t* table, Begin begin, Take take,
           End end, uint64_t* found) {
    // More than any version's state takes, which is some 112 bytes.
    alignas(16) uint8_t state[1024];
    uint8_t digest[32];
    const Table by(table);
    std::vector<uint8_t> text;
    for (int64_t t = 0; t < texts; ++t) {
        const size_t length = edges[t + 1] - edges[t];
        if (text.size() < length) text.resize(2 * length);
        mapped(text.data(), letters + edges[t], letters + edges[t + 1], by);
        if (!begin(state) || !take(state, text.data(), length) || !end(digest, state)) return 0;
        found[t] = 0;
        for (int i = 0; i < 8; ++i) found[t] = found[t] << 8 | digest[i];
    }
    return 1;
}

// Of xxHash.
typedef uint64_t (*Hash)(const void* bytes, size_t count);

// The XXH3 of each text.
void xxh3(const uint8_t* letters, const int64_t* edges, int64_t texts, Hash hash, uint64_t* found) {
    for (int64_t t = 0; t < texts; ++t) found[t] = hash(letters + edges[t], edges[t + 1] - edges[t]);
}

}  // extern "C"
