// LayerNorm of a line of floats (Ba et al., 2016) and its gradient.
#pragma once

#include <cmath>
#include <cstdint>

#include "numbers.h"

// A line's mean, and the inverse of its deviation.
struct Spread {
    float mean, inverse;

    // Of a line whose sum is known.
    static Spread of(const float* line, float sum, int64_t width, float epsilon) {
        const float mean = sum / width;
        float square = 0;
#pragma omp simd reduction(+ : square)
        for (int64_t j = 0; j < width; ++j) square += (line[j] - mean) * (line[j] - mean);
        return {mean, 1 / std::sqrt(square / width + epsilon)};
    }
};

// The gradient of what was normalised, to be asked for number by number.
struct NormalGradient {
    const float* weighted;
    const float* normals;
    float first, second, inverse;

    // `slope` gives the gradient of what came out; the weight's and the bias's are added up in w and b. u and n are scratch.
    template <class T, class Slope>
    static NormalGradient of(float* u, float* n, float* w, float* b, const T* line, Spread spread, const T* weight,
                             int64_t width, Slope slope) {
        float first = 0, second = 0;
#pragma omp simd reduction(+ : first, second)
        for (int64_t j = 0; j < width; ++j) {
            const float above = slope(j);
            const float at = (load(line[j]) - spread.mean) * spread.inverse;
            const float weighted = above * load(weight[j]);
            w[j] += above * at;
            b[j] += above;
            u[j] = weighted;
            n[j] = at;
            first += weighted;
            second += weighted * at;
        }
        return {u, n, first / width, second / width, spread.inverse};
    }

    float operator[](int64_t j) const { return (weighted[j] - first - normals[j] * second) * inverse; }
};
