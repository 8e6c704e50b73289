// Random numbers of 16 bits that need no state: Threefry 4x32-13 (Salmon et al., 2011) of a key and a counter.
// Its authors take 20 rounds where they do not say otherwise; what dropout needs is had from 13, in two thirds of the time.
#pragma once

#include <cstdint>
#include <vector>

// So many numbers come from one call of draw(), in so many rounds.
constexpr int DRAWS = 128, ROUNDS = 13;

// The numbers DRAWS block .. DRAWS block + DRAWS - 1 of a line, from sixteen counters, a lane of a vector each.
inline void draw(uint16_t* numbers, uint64_t key, uint64_t line, uint32_t block) {
    typedef uint32_t Lanes __attribute__((vector_size(DRAWS / 2)));
    constexpr int COUNT = DRAWS / 8;
    constexpr uint32_t TURNS[8][2] = {{10, 26}, {11, 21}, {13, 27}, {23, 5}, {6, 20}, {17, 11}, {25, 10}, {18, 20}};
    const uint32_t first = uint32_t(key), second = uint32_t(key >> 32);
    const uint32_t keys[5] = {first, second, 0, 0, 0x1BD11BDAu ^ first ^ second};
    Lanes a, b, c, d;
    for (int lane = 0; lane < COUNT; ++lane) a[lane] = block * COUNT + lane;
    a += keys[0];
    b = Lanes{} + keys[1];
    c = Lanes{} + uint32_t(line) + keys[2];
    d = Lanes{} + uint32_t(line >> 32) + keys[3];
#pragma GCC unroll 13
    for (int round = 0; round < ROUNDS; ++round) {
        const uint32_t left = TURNS[round % 8][0], right = TURNS[round % 8][1];
        Lanes& one = round % 2 ? d : b;
        Lanes& other = round % 2 ? b : d;
        a += one;
        one = (one << left | one >> (32 - left)) ^ a;
        c += other;
        other = (other << right | other >> (32 - right)) ^ c;
        if (round % 4 == 3) {
            const uint32_t turn = round / 4 + 1;
            a += keys[turn % 5];
            b += keys[(turn + 1) % 5];
            c += keys[(turn + 2) % 5];
            d += keys[(turn + 3) % 5] + turn;
        }
    }
    // A word's two halves stand side by side.
    __builtin_memcpy(numbers, &a, sizeof a);
    __builtin_memcpy(numbers + 2 * COUNT, &b, sizeof b);
    __builtin_memcpy(numbers + 4 * COUNT, &c, sizeof c);
    __builtin_memcpy(numbers + 6 * COUNT, &d, sizeof d);
}

// Dropout's factors: zero with probability zeroed / 2^16, else what keeps the expectation.
class Dropout {
  public:
    Dropout(uint64_t key, int32_t zeroed, int64_t count)
        : key_(key), zeroed_(zeroed), scale_(65536.0f / (65536.0f - zeroed)),
          drawn_((count + DRAWS - 1) / DRAWS * DRAWS) {}

    // Draws a line's numbers, which factor() then tells the factors of: all, or the first so many.
    void begin(int64_t line) { begin(line, drawn_.size()); }
    void begin(int64_t line, int64_t count) {
        for (uint32_t block = 0; block * DRAWS < uint64_t(count); ++block)
            draw(drawn_.data() + block * DRAWS, key_, uint64_t(line), block);
    }

    const uint16_t* drawn() const { return drawn_.data(); }
    float factor(uint16_t number) const { return number >= zeroed_ ? scale_ : 0.0f; }

  private:
    uint64_t key_;
    int32_t zeroed_;
    float scale_;
    std::vector<uint16_t> drawn_;
};
