// Dropout(LayerNorm(word + position + type)), what BERT's layers begin with (Devlin et al., 2019), and its gradient.
// All tokens are of one type. Rows lie one behind the other, and the positions of all begin alike.
#include <algorithm>
#include <vector>

#include "columns.h"
#include "draws.h"
#include "normal.h"
#include "numbers.h"

extern "C" {

struct Looked {
    int64_t rows, width;
    // Of each row the number of its first token, and behind the last row that of all tokens.
    const int64_t* starts;
    // The position of a row's first token.
    int64_t first;
    // Of each token, its row of the table.
    const int64_t* ids;
    const float* table;
    float epsilon;
    // Of dropout; see draws.h. 0 drops nothing.
    int32_t zeroed;
    uint64_t key;
};

}

namespace {

// Of each token.
std::vector<int64_t> positions_of(const Looked& looked) {
    std::vector<int64_t> positions(looked.starts[looked.rows]);
    for (int64_t row = 0; row < looked.rows; ++row)
        for (int64_t i = looked.starts[row]; i < looked.starts[row + 1]; ++i)
            positions[i] = looked.first + i - looked.starts[row];
    return positions;
}

template <class T>
void forward(const Looked& looked, T* output, T* sums, float* means, float* inverses, const T* positions, const T* type,
             const T* weight, const T* bias) {
    const int64_t width = looked.width;
    const std::vector<int64_t> at = positions_of(looked);
#pragma omp parallel
    {
        std::vector<float> line(width), kind(width);
        for (int64_t j = 0; j < width; ++j) kind[j] = load(type[j]);
        const float* k = kind.data();
        float* s = line.data();
        Dropout dropout(looked.key, looked.zeroed, width);
#pragma omp for schedule(static)
        for (int64_t i = 0; i < int64_t(at.size()); ++i) {
            const float* word = looked.table + looked.ids[i] * width;
            const T* position = positions + at[i] * width;
            T* kept = sums + i * width;
            T* y = output + i * width;
            float sum = 0;
#pragma omp simd reduction(+ : sum)
            for (int64_t j = 0; j < width; ++j) {
                s[j] = rounded(word[j] + load(position[j]) + k[j], T{});
                sum += s[j];
            }
            for (int64_t j = 0; j < width; ++j) store(kept[j], s[j]);
            const Spread spread = Spread::of(s, sum, width, looked.epsilon);
            means[i] = spread.mean;
            inverses[i] = spread.inverse;
#pragma omp simd
            for (int64_t j = 0; j < width; ++j)
                s[j] = (s[j] - spread.mean) * spread.inverse * load(weight[j]) + load(bias[j]);
            if (looked.zeroed) {
                dropout.begin(i);
                const uint16_t* drawn = dropout.drawn();
#pragma omp simd
                for (int64_t j = 0; j < width; ++j) s[j] *= dropout.factor(drawn[j]);
            }
#pragma omp simd
            for (int64_t j = 0; j < width; ++j) store(y[j], s[j]);
        }
    }
}

template <class T>
void backward(const Looked& looked, float* to_words, T* to_positions, T* to_type, T* to_weight, T* to_bias,
              const T* above, const T* sums, const float* means, const float* inverses, const T* weight) {
    const int64_t width = looked.width, *starts = looked.starts, tokens = starts[looked.rows];
    int64_t longest = 0;
    for (int64_t row = 0; row < looked.rows; ++row) longest = std::max(longest, starts[row + 1] - starts[row]);
    Columns columns(3 * width);
#pragma omp parallel
    {
        std::vector<float> lined(3 * width);
        float* u = lined.data();
        float* n = u + width;
        float* a = n + width;
        float* w = columns.own();
        float* b = w + width;
        float* k = b + width;
        Dropout dropout(looked.key, looked.zeroed, width);
#pragma omp for schedule(static)
        for (int64_t i = 0; i < tokens; ++i) {
            const T* g = above + i * width;
            float* x = to_words + i * width;
            if (looked.zeroed) {
                dropout.begin(i);
                const uint16_t* drawn = dropout.drawn();
#pragma omp simd
                for (int64_t j = 0; j < width; ++j) a[j] = load(g[j]) * dropout.factor(drawn[j]);
            } else {
#pragma omp simd
                for (int64_t j = 0; j < width; ++j) a[j] = load(g[j]);
            }
            const auto gradient = NormalGradient::of(u, n, w, b, sums + i * width, Spread{means[i], inverses[i]},
                                                     weight, width, [&](int64_t j) { return a[j]; });
#pragma omp simd
            for (int64_t j = 0; j < width; ++j) {
                const float slope = gradient[j];
                x[j] = slope;
                k[j] += slope;
            }
        }
        // Behind the barrier that ends the loop above.
#pragma omp for schedule(static)
        for (int64_t t = 0; t < longest; ++t) {
            std::fill(a, a + width, 0.0f);
            for (int64_t row = 0; row < looked.rows; ++row) {
                if (starts[row] + t >= starts[row + 1]) continue;
                const float* x = to_words + (starts[row] + t) * width;
#pragma omp simd
                for (int64_t j = 0; j < width; ++j) a[j] += x[j];
            }
            for (int64_t j = 0; j < width; ++j) store(to_positions[(looked.first + t) * width + j], a[j]);
        }
    }
    columns.add_up(to_weight, 0, width);
    columns.add_up(to_bias, width, width);
    columns.add_up(to_type, 2 * width, width);
}

}  // namespace

extern "C" {

#define KERNELS(NAME, T)                                                                                           \
    void embeddings_##NAME(const Looked* looked, T* output, T* sums, float* means, float* inverses,                 \
                           const T* positions, const T* type, const T* weight, const T* bias) {                     \
        forward(*looked, output, sums, means, inverses, positions, type, weight, bias);                             \
    }                                                                                                              \
    void embeddings_gradient_##NAME(const Looked* looked, float* to_words, T* to_positions, T* to_type,              \
                                    T* to_weight, T* to_bias, const T* above, const T* sums, const float* means,    \
                                    const float* inverses, const T* weight) {                                       \
        backward(*looked, to_words, to_positions, to_type, to_weight, to_bias, above, sums, means, inverses, weight); \
    }

KERNELS(bf16, bf16)
KERNELS(float, float)

}  // extern "C"
