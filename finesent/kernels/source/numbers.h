// Numbers in memory, bf16 or float, which are all computed with as float.
#pragma once

#include <cstdint>
#include <cstring>

struct bf16 {
    uint16_t bits;
};

inline float as_float(uint32_t bits) {
    float value;
    std::memcpy(&value, &bits, sizeof value);
    return value;
}

inline uint32_t as_bits(float value) {
    uint32_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    return bits;
}

inline float load(float value) { return value; }
inline float load(bf16 value) { return as_float(uint32_t(value.bits) << 16); }

inline void store(float& place, float value) { place = value; }

// To the nearest, ties to even; what is no number stays none.
inline void store(bf16& place, float value) {
    const uint32_t bits = as_bits(value);
    const uint32_t rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
    place.bits = uint16_t(value == value ? rounded : 0x7fc0u);
}

// As it would be read back.
inline float rounded(float value, float) { return value; }
inline float rounded(float value, bf16) {
    bf16 place;
    store(place, value);
    return load(place);
}

// e^x of x <= 0 within 3e-7 of it, and 0 below the smallest normal number; a compiler vectorises it, which it does
// not do to the library's. Cody and Waite's reduction to x = n ln 2 + r with ln 2 in two parts, and Taylor's polynomial of r.
inline float exponential(float x) {
    const float bounded = x < -87.0f ? -87.0f : x;
    const float shifted = bounded * 1.44269504f + 12582912.0f;  // 1.5 * 2^23: rounds to a whole number
    const float whole = shifted - 12582912.0f;
    const float rest = (bounded - whole * 0.693359375f) + whole * 2.12194440e-4f;
    float sum = 1.0f / 720;
    sum = sum * rest + 1.0f / 120;
    sum = sum * rest + 1.0f / 24;
    sum = sum * rest + 1.0f / 6;
    sum = sum * rest + 0.5f;
    sum = sum * rest + 1.0f;
    sum = sum * rest + 1.0f;
    // By a product, so that what is no number stays none.
    const float scaled = sum * as_float((as_bits(shifted) << 23) + 0x3f800000u);
    return x < -87.0f ? 0.0f : scaled;
}
