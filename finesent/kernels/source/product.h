// Products of small matrices of floats that lie in a core's cache.
#pragma once

#include <cstdint>

// As wide as the machine has it; a compiler cuts it up where that is less.
constexpr int WIDTH = 16;
typedef float Vector __attribute__((vector_size(WIDTH * sizeof(float)), aligned(4), may_alias));

inline Vector& vector(float* numbers) { return *reinterpret_cast<Vector*>(numbers); }
inline const Vector& vector(const float* numbers) { return *reinterpret_cast<const Vector*>(numbers); }

inline int64_t whole_vectors(int64_t count) { return (count + WIDTH - 1) / WIDTH * WIDTH; }

// Calls something with 0 .. count - 1, a number of whole vectors; what it does is done to a vector at a time.
template <class Action>
inline void each_lane(int64_t count, Action action) {
    for (int64_t start = 0; start < count; start += WIDTH)
#pragma omp simd
        for (int lane = 0; lane < WIDTH; ++lane) action(start + lane);
}

#define LANES(of) of(0), of(1), of(2), of(3), of(4), of(5), of(6), of(7), of(8), of(9), of(10), of(11), of(12), of(13), of(14), of(15)

template <int STEP>
inline void exchange(Vector* block) {
    constexpr auto low = [](int lane) { return lane & STEP ? lane - STEP + WIDTH : lane; };
    constexpr auto high = [](int lane) { return lane & STEP ? lane + WIDTH : lane + STEP; };
#pragma GCC unroll 16
    for (int i = 0; i < WIDTH; ++i) {
        if (i & STEP) continue;
        const Vector a = block[i], b = block[i + STEP];
        block[i] = __builtin_shufflevector(a, b, LANES(low));
        block[i + STEP] = __builtin_shufflevector(a, b, LANES(high));
    }
}

// Turns WIDTH vectors, a matrix, into its transpose (Eklundh, 1972).
inline void turn(Vector* block) {
    exchange<8>(block);
    exchange<4>(block);
    exchange<2>(block);
    exchange<1>(block);
}

// A of a product: its rows lie `apart`, or its columns where it is TURNED, and what is left is neighbours.
template <bool TURNED>
struct Factor {
    const float* numbers;
    int64_t apart;

    float at(int64_t row, int64_t column) const {
        return TURNED ? numbers[column * apart + row] : numbers[row * apart + column];
    }
    Factor from(int64_t row) const { return {TURNED ? numbers + row : numbers + row * apart, apart}; }
};

typedef Factor<false> Plain;
typedef Factor<true> Turned;

template <int ROWS, int VECTORS, bool TURNED>
inline void product_block(float* c, Factor<TURNED> a, const float* b, int64_t width, int64_t inner) {
    Vector sums[ROWS][VECTORS] = {};
    for (int64_t k = 0; k < inner; ++k) {
        Vector line[VECTORS];
        for (int v = 0; v < VECTORS; ++v) line[v] = vector(b + k * width + v * WIDTH);
        for (int r = 0; r < ROWS; ++r) {
            const float factor = a.at(r, k);
            for (int v = 0; v < VECTORS; ++v) sums[r][v] += factor * line[v];
        }
    }
    for (int r = 0; r < ROWS; ++r)
        for (int v = 0; v < VECTORS; ++v) vector(c + r * width + v * WIDTH) = sums[r][v];
}

template <int ROWS, int VECTORS, bool TURNED>
inline void product_columns(float* c, Factor<TURNED> a, const float* b, int64_t rows, int64_t width, int64_t inner) {
    for (; rows >= ROWS; rows -= ROWS) {
        product_block<ROWS, VECTORS>(c, a, b, width, inner);
        c += ROWS * width;
        a = a.from(ROWS);
    }
    if constexpr (ROWS > 1)
        if (rows > 0) product_columns<ROWS - 1, VECTORS>(c, a, b, rows, width, inner);
}

// As many rows at once as have their sums in registers, for one vector, two and four.
#ifdef __AVX512F__
constexpr int ROWS_OF_ONE = 8, ROWS_OF_TWO = 8, ROWS_OF_FOUR = 5;
#else
constexpr int ROWS_OF_ONE = 4, ROWS_OF_TWO = 2, ROWS_OF_FOUR = 1;
#endif

// C = A B, of (rows, inner) and (inner, width) numbers; width is one of whole vectors.
template <bool TURNED>
inline void product(float* c, Factor<TURNED> a, const float* b, int64_t rows, int64_t width, int64_t inner) {
    int64_t column = 0;
    for (; column + 4 * WIDTH <= width; column += 4 * WIDTH)
        product_columns<ROWS_OF_FOUR, 4>(c + column, a, b + column, rows, width, inner);
    for (; column + 2 * WIDTH <= width; column += 2 * WIDTH)
        product_columns<ROWS_OF_TWO, 2>(c + column, a, b + column, rows, width, inner);
    for (; column < width; column += WIDTH)
        product_columns<ROWS_OF_ONE, 1>(c + column, a, b + column, rows, width, inner);
}
