// SHA-256 of many texts by functions of OpenSSL, which Python has in the process: to call them from Python, text by text,
// takes longer than they do.
#include <cstddef>
#include <cstdint>

extern "C" {

typedef int (*Begin)(void* state);
typedef int (*Take)(void* state, const void* bytes, size_t count);
typedef int (*End)(uint8_t* digest, void* state);

// The first eight bytes of each text's, the first the highest; text t has the bytes from edges[t] to edges[t + 1].
// Returns whether all went well.
int sha256(const uint8_t* letters, const int64_t* edges, int64_t texts, Begin begin, Take take, End end, uint64_t* found) {
    // More than any version's state takes, which is some 112 bytes.
    alignas(16) uint8_t state[1024];
    uint8_t digest[32];
    for (int64_t t = 0; t < texts; ++t) {
        if (!begin(state) || !take(state, letters + edges[t], edges[t + 1] - edges[t]) || !end(digest, state)) return 0;
        found[t] = 0;
        for (int i = 0; i < 8; ++i) found[t] = found[t] << 8 | digest[i];
    }
    return 1;
}

}  // extern "C"
