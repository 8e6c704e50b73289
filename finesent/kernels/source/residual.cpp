// LayerNorm(residual + dropout(branch + added)), with which every half of a layer of BERT ends, where `added` is the
// bias of the branch's last product (Devlin et al., 2019; Ba et al., 2016), and its gradient, in one pass over memory each.
#include <vector>

#include "columns.h"
#include "draws.h"
#include "normal.h"
#include "numbers.h"

extern "C" {

struct Lines {
    int64_t count, width;
    float epsilon;
    // Of dropout; see draws.h. 0 drops nothing.
    int32_t zeroed;
    uint64_t key;
};

}

namespace {

template <class T>
void forward(const Lines& lines, T* output, T* sums, float* means, float* inverses, const T* branch,
             const T* added, const T* residual, const T* weight, const T* bias) {
    const int64_t width = lines.width;
#pragma omp parallel
    {
        std::vector<float> line(width), shift(width, 0.0f);
        if (added != nullptr)
            for (int64_t j = 0; j < width; ++j) shift[j] = load(added[j]);
        const float* a = shift.data();
        Dropout dropout(lines.key, lines.zeroed, width);
        float* s = line.data();
#pragma omp for schedule(static)
        for (int64_t i = 0; i < lines.count; ++i) {
            const T* x = branch + i * width;
            const T* r = residual + i * width;
            T* y = output + i * width;
            float sum = 0;
            if (lines.zeroed == 0) {
#pragma omp simd reduction(+ : sum)
                for (int64_t j = 0; j < width; ++j) {
                    s[j] = rounded(load(x[j]) + a[j] + load(r[j]), T{});
                    sum += s[j];
                }
            } else {
                dropout.begin(i);
                const uint16_t* drawn = dropout.drawn();
#pragma omp simd reduction(+ : sum)
                for (int64_t j = 0; j < width; ++j) {
                    s[j] = rounded((load(x[j]) + a[j]) * dropout.factor(drawn[j]) + load(r[j]), T{});
                    sum += s[j];
                }
            }
            const Spread spread = Spread::of(s, sum, width, lines.epsilon);
            if (sums != nullptr)
                for (int64_t j = 0; j < width; ++j) store(sums[i * width + j], s[j]);
            means[i] = spread.mean;
            inverses[i] = spread.inverse;
#pragma omp simd
            for (int64_t j = 0; j < width; ++j)
                store(y[j], (s[j] - spread.mean) * spread.inverse * load(weight[j]) + load(bias[j]));
        }
    }
}

// What comes from above is the sum of two, where there is `more`.
template <bool MORE, class T>
void backward(const Lines& lines, T* to_branch, T* to_added, T* to_residual, T* to_weight, T* to_bias, const T* above,
              const T* more, const T* sums, const float* means, const float* inverses, const T* weight) {
    const int64_t width = lines.width;
    Columns columns(3 * width);
#pragma omp parallel
    {
        std::vector<float> lined(2 * width);
        Dropout dropout(lines.key, lines.zeroed, width);
        float* u = lined.data();
        float* n = u + width;
        float* w = columns.own();
        float* b = w + width;
        float* a = b + width;
#pragma omp for schedule(static)
        for (int64_t i = 0; i < lines.count; ++i) {
            const T* g = above + i * width;
            const T* h = MORE ? more + i * width : g;
            const T* s = sums + i * width;
            T* r = to_residual + i * width;
            T* x = to_branch + i * width;
            const auto gradient =
                NormalGradient::of(u, n, w, b, s, Spread{means[i], inverses[i]}, weight, width,
                                   [&](int64_t j) { return MORE ? load(g[j]) + load(h[j]) : load(g[j]); });
            if (lines.zeroed == 0) {
#pragma omp simd
                for (int64_t j = 0; j < width; ++j) {
                    const float slope = gradient[j];
                    store(r[j], slope);
                    store(x[j], slope);
                    a[j] += slope;
                }
            } else {
                dropout.begin(i);
                const uint16_t* drawn = dropout.drawn();
#pragma omp simd
                for (int64_t j = 0; j < width; ++j) {
                    const float slope = gradient[j];
                    const float dropped = slope * dropout.factor(drawn[j]);
                    store(r[j], slope);
                    store(x[j], dropped);
                    a[j] += dropped;
                }
            }
        }
    }
    columns.add_up(to_weight, 0, width);
    columns.add_up(to_bias, width, width);
    columns.add_up(to_added, 2 * width, width);
}

}  // namespace

extern "C" {

#define KERNELS(NAME, T)                                                                                          \
    /* `added`, a line, is added to the branch; it may be null, and so may sums. */                               \
    void residual_##NAME(const Lines* lines, T* output, T* sums, float* means, float* inverses, const T* branch,   \
                         const T* added, const T* residual, const T* weight, const T* bias) {                     \
        forward(*lines, output, sums, means, inverses, branch, added, residual, weight, bias);                    \
    }                                                                                                             \
    void residual_gradient_##NAME(const Lines* lines, T* to_branch, T* to_added, T* to_residual, T* to_weight,     \
                                  T* to_bias, const T* above, const T* more, const T* sums, const float* means,   \
                                  const float* inverses, const T* weight) {                                       \
        (more == nullptr ? backward<false, T> : backward<true, T>)(*lines, to_branch, to_added, to_residual,       \
                                                                   to_weight, to_bias, above, more, sums, means,  \
                                                                   inverses, weight);                             \
    }

KERNELS(bf16, bf16)
KERNELS(float, float)

}  // extern "C"
