// GELU, x Phi(x) (Hendrycks and Gimpel, 2016), and its slope, which costs little more beside it.
#include <vector>

#include "columns.h"
#include "numbers.h"

namespace {

struct Normal {
    float density, distribution;
};

// The standard normal distribution. erf by Abramowitz and Stegun (1964), 7.1.26, within 1.5e-7.
inline Normal normal(float x) {
    const float size = (x < 0 ? -x : x) * 0.70710678f;
    const float power = exponential(-size * size);
    const float t = 1.0f / (1.0f + 0.3275911f * size);
    float sum = 1.061405429f;
    sum = sum * t - 1.453152027f;
    sum = sum * t + 1.421413741f;
    sum = sum * t - 0.284496736f;
    sum = sum * t + 0.254829592f;
    const float tail = 0.5f * sum * t * power;
    return {power * 0.39894228f, x < 0 ? tail : 1.0f - tail};
}

template <class T>
void gelu(T* output, T* slopes, const T* input, const T* bias, int64_t count, int64_t width) {
#pragma omp parallel
    {
        std::vector<float> added(width, 0.0f);
        if (bias != nullptr)
            for (int64_t j = 0; j < width; ++j) added[j] = load(bias[j]);
        const float* b = added.data();
#pragma omp for schedule(static)
        for (int64_t i = 0; i < count; ++i) {
            const T* x = input + i * width;
            T* y = output + i * width;
            if (slopes == nullptr) {
#pragma omp simd
                for (int64_t j = 0; j < width; ++j) {
                    const float at = load(x[j]) + b[j];
                    store(y[j], at * normal(at).distribution);
                }
                continue;
            }
            T* s = slopes + i * width;
#pragma omp simd
            for (int64_t j = 0; j < width; ++j) {
                const float at = load(x[j]) + b[j];
                const Normal found = normal(at);
                store(y[j], at * found.distribution);
                store(s[j], found.distribution + at * found.density);
            }
        }
    }
}

// gradient *= slopes, and the sum of each column of what comes out.
template <class T>
void gradient(T* gradient, T* sums, const T* slopes, int64_t count, int64_t width) {
    Columns columns(width);
#pragma omp parallel
    {
        float* sum = columns.own();
#pragma omp for schedule(static)
        for (int64_t i = 0; i < count; ++i) {
            T* g = gradient + i * width;
            const T* s = slopes + i * width;
#pragma omp simd
            for (int64_t j = 0; j < width; ++j) {
                const float slope = load(g[j]) * load(s[j]);
                store(g[j], slope);
                sum[j] += slope;
            }
        }
    }
    columns.add_up(sums, 0, width);
}

}  // namespace

extern "C" {

#define KERNELS(NAME, T)                                                                                     \
    /* Of (count, width) numbers, to which a line is added first; bias and slopes may be null. */            \
    void gelu_##NAME(T* output, T* slopes, const T* input, const T* bias, int64_t count, int64_t width) {     \
        gelu(output, slopes, input, bias, count, width);                                                     \
    }                                                                                                        \
    void gelu_gradient_##NAME(T* above, T* sums, const T* slopes, int64_t count, int64_t width) {             \
        gradient(above, sums, slopes, count, width);                                                         \
    }

KERNELS(bf16, bf16)
KERNELS(float, float)

}  // extern "C"
