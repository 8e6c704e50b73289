// A text's bytes by a table of 256, all or without some of them: 64 at once where the machine can, else one by one. Both
// put them to `next`, which has room for all, and return where they end.
#pragma once

#include <algorithm>
#include <cstdint>

#if defined(__AVX512VBMI2__) && defined(__AVX512VBMI__) && defined(__AVX512BW__) && defined(__BMI2__)
#include <immintrin.h>
#define SIXTY_FOUR_AT_ONCE
#endif

constexpr uint8_t SPACE = ' ';

#ifdef SIXTY_FOUR_AT_ONCE

class Table {
  public:
    explicit Table(const uint8_t* table) {
        for (int i = 0; i < 4; ++i) parts_[i] = _mm512_loadu_si512(table + 64 * i);
    }

    __m512i operator()(__m512i bytes) const {
        const __m512i low = _mm512_permutex2var_epi8(parts_[0], bytes, parts_[1]);
        const __m512i high = _mm512_permutex2var_epi8(parts_[2], bytes, parts_[3]);
        return _mm512_mask_blend_epi8(_mm512_movepi8_mask(bytes), low, high);
    }

  private:
    __m512i parts_[4];
};

// Calls `kept` with 64 mapped bytes and which of them are the text's; puts those that it says.
template <class Kept>
inline uint8_t* chosen(uint8_t* next, const uint8_t* at, const uint8_t* end, const Table& table, Kept kept) {
    for (; at < end; at += 64) {
        const __mmask64 there = _bzhi_u64(~0ull, std::min<int64_t>(64, end - at));
        const __m512i bytes = table(_mm512_maskz_loadu_epi8(there, at));
        const __mmask64 those = kept(bytes, there);
        const int count = __builtin_popcountll(those);
        // Not past the last: behind it may stand what another text was made into, or nothing of ours.
        _mm512_mask_storeu_epi8(next, _bzhi_u64(~0ull, count), _mm512_maskz_compress_epi8(those, bytes));
        next += count;
    }
    return next;
}

inline uint8_t* mapped(uint8_t* next, const uint8_t* at, const uint8_t* end, const Table& table) {
    return chosen(next, at, end, table, [](__m512i, __mmask64 there) { return there; });
}

inline uint8_t* without_double_spaces(uint8_t* next, const uint8_t* at, const uint8_t* end, const Table& table) {
    const __m512i space = _mm512_set1_epi8(SPACE);
    // As if one stood before the text.
    uint64_t before = 1;
    return chosen(next, at, end, table, [&](__m512i bytes, __mmask64 there) {
        const uint64_t spaces = _mm512_mask_cmpeq_epi8_mask(there, bytes, space);
        const uint64_t surplus = spaces & (spaces << 1 | before);
        before = spaces >> 63;
        return __mmask64(there & ~surplus);
    });
}

inline uint8_t* without_zeros(uint8_t* next, const uint8_t* at, const uint8_t* end, const Table& table) {
    return chosen(next, at, end, table,
                  [](__m512i bytes, __mmask64 there) { return _mm512_mask_test_epi8_mask(there, bytes, bytes); });
}

#else

typedef const uint8_t* Table;

inline uint8_t* mapped(uint8_t* next, const uint8_t* at, const uint8_t* end, Table table) {
    for (; at != end; ++at) *next++ = table[*at];
    return next;
}

inline uint8_t* without_double_spaces(uint8_t* next, const uint8_t* at, const uint8_t* end, Table table) {
    uint8_t before = SPACE;
    for (; at != end; ++at) {
        const uint8_t mapped = table[*at];
        // Written in any case, and kept or not: a branch would be guessed wrong at every other word.
        *next = mapped;
        next += (mapped != SPACE) | (before != SPACE);
        before = mapped;
    }
    return next;
}

inline uint8_t* without_zeros(uint8_t* next, const uint8_t* at, const uint8_t* end, Table table) {
    for (; at != end; ++at) {
        *next = table[*at];
        next += *next != 0;
    }
    return next;
}

#endif
