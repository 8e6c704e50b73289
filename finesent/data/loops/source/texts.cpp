// What is done to every byte of many texts, which lie one behind the other: text t has the bytes from edges[t] to
// edges[t + 1].
#include <algorithm>
#include <cstdint>
#include <cstring>

#include "mapping.h"

extern "C" {

// Maps all bytes by a table of 256, and leaves out each space that begins or ends a text or follows a space. Puts
// the bytes into `output`, which has room for all, and where they begin and end into `limits`, like edges.
void squeeze(const uint8_t* letters, const int64_t* edges, int64_t texts, const uint8_t* table, uint8_t* output,
             int64_t* limits) {
    const Table by(table);
    uint8_t* next = output;
    limits[0] = 0;
    for (int64_t t = 0; t < texts; ++t) {
        next = without_double_spaces(next, letters + edges[t], letters + edges[t + 1], by);
        if (next != output + limits[t] && next[-1] == SPACE) --next;
        limits[t + 1] = next - output;
    }
}

// The same, leaving out what the table makes zero instead.
void drop(const uint8_t* letters, const int64_t* edges, int64_t texts, const uint8_t* table, uint8_t* output,
          int64_t* limits) {
    const Table by(table);
    uint8_t* next = output;
    limits[0] = 0;
    for (int64_t t = 0; t < texts; ++t) {
        next = without_zeros(next, letters + edges[t], letters + edges[t + 1], by);
        limits[t + 1] = next - output;
    }
}

// Whether each text holds one of `count` sequences of bytes, which lie one behind the other.
void holding(const uint8_t* letters, const int64_t* edges, int64_t texts, const uint8_t* sequences,
             const int64_t* lengths, int64_t count, uint8_t* found) {
    uint8_t begins[256] = {};
    // Up to so many first bytes are looked for in all bytes of a text at once.
    constexpr int FEW = 4;
    uint8_t firsts[FEW] = {};
    int different = 0;
    const uint8_t* sequence = sequences;
    for (int64_t s = 0; s < count; sequence += lengths[s++]) {
        if (!begins[*sequence] && different++ < FEW) std::fill(firsts + different - 1, firsts + FEW, *sequence);
        begins[*sequence] = 1;
    }
    for (int64_t t = 0; t < texts; ++t) {
        const uint8_t *begin = letters + edges[t], *end = letters + edges[t + 1];
        found[t] = 0;
        if (different <= FEW) {
            uint8_t any = 0;
            for (const uint8_t* at = begin; at != end; ++at)
                any |= (*at == firsts[0]) | (*at == firsts[1]) | (*at == firsts[2]) | (*at == firsts[3]);
            if (!any) continue;
        }
        for (const uint8_t* at = begin; at != end && !found[t]; ++at) {
            if (!begins[*at]) continue;
            sequence = sequences;
            for (int64_t s = 0; s < count; sequence += lengths[s++])
                if (lengths[s] <= end - at && std::memcmp(at, sequence, lengths[s]) == 0) found[t] = 1;
        }
    }
}

// Whether each text holds a byte beyond ASCII.
void not_ascii(const uint8_t* letters, const int64_t* edges, int64_t texts, uint8_t* found) {
    for (int64_t t = 0; t < texts; ++t) {
        uint8_t all = 0;
        for (int64_t i = edges[t]; i < edges[t + 1]; ++i) all |= letters[i];
        found[t] = all >> 7;
    }
}

// How often each text holds a byte.
void count(const uint8_t* letters, const int64_t* edges, int64_t texts, uint8_t letter, int64_t* counts) {
    for (int64_t t = 0; t < texts; ++t) {
        int64_t sum = 0;
        for (int64_t i = edges[t]; i < edges[t + 1]; ++i) sum += letters[i] == letter;
        counts[t] = sum;
    }
}

}  // extern "C"
