// softmax(Q K^T * scaling) V with dropout on the softmax (Vaswani et al., 2017, equation 1), and its gradient.
//
// A head of a row is done at once, in floats that stay in a core's cache; the backward pass makes the scores
// anew from what the forward pass kept of each query, its largest score and the inverse of its sum (Dao et al.,
// 2022). Scores lie turned, a line a key and a lane a query, so that no sum runs across the lanes of a vector.
// Rows lie one behind the other, and each has as many tokens as it has.
#include <algorithm>
#include <cmath>
#include <vector>

#include <omp.h>

#include "columns.h"
#include "draws.h"
#include "numbers.h"
#include "product.h"

extern "C" {

// How far apart heads, and the tokens of all rows, of queries, keys or values lie; a state's numbers are neighbours.
struct Strides {
    int64_t head, token;
};

// Queries, keys and values, which lie alike, and an (A, D) bias for each that is added to them; it may be null.
struct Parts {
    const void* numbers[3];
    const void* biases[3];
    Strides strides;
};

struct Shape {
    int64_t rows, heads, depth;
    // Of each row the number of its first token, and behind the last row that of all tokens.
    const int64_t* starts;
    float scaling;
    // True where a query sees a key, a table a row and alike for all heads; null hides nothing.
    const uint8_t* seen;
    int64_t seen_row, seen_query, seen_key;
    // Of dropout; see draws.h. 0 drops nothing.
    int32_t zeroed;
    uint64_t key;
};

}

namespace {

// Memory of a thread, in parts of whole vectors.
class Scratch {
  public:
    explicit Scratch(int64_t count) : memory_(count), next_(memory_.data()) {}

    float* take(int64_t count) {
        float* part = next_;
        next_ += count;
        return part;
    }

  private:
    std::vector<float> memory_;
    float* next_;
};

// A head of a row, whose queries fill whole vectors up to `width`.
struct Head {
    int64_t row, number, start, tokens, width;

    // Where what is kept of its queries begins.
    int64_t kept(const Shape& shape) const { return start * shape.heads + number * tokens; }
};

int64_t longest(const Shape& shape) {
    int64_t most = 0;
    for (int64_t row = 0; row < shape.rows; ++row) most = std::max(most, shape.starts[row + 1] - shape.starts[row]);
    return most;
}

// Calls `each` for the calling thread's share of the heads. Shares cost about the same, and for the same rows and as many
// threads they are the same.
template <class Each>
void each_head(const Shape& shape, Each each) {
    const auto head_of = [&](int64_t row) {
        const int64_t tokens = shape.starts[row + 1] - shape.starts[row];
        return Head{row, 0, shape.starts[row], tokens, whole_vectors(tokens)};
    };
    const auto cost_of = [&](const Head& head) { return head.tokens * (head.width + shape.depth); };
    int64_t total = 0, before = 0;
    for (int64_t row = 0; row < shape.rows; ++row) total += shape.heads * cost_of(head_of(row));
    const int64_t threads = omp_get_num_threads(), thread = omp_get_thread_num();
    for (int64_t row = 0; row < shape.rows; ++row) {
        Head head = head_of(row);
        const int64_t cost = cost_of(head);
        for (; head.number < shape.heads; ++head.number, before += cost)
            // The thread in whose share the middle of it lies.
            if (cost && (2 * before + cost) * threads / (2 * total) == thread) each(head);
    }
}

// What a thread knows of the head that it works on.
class Heads {
  public:
    Heads(const Shape& shape, int64_t depth, int64_t tokens, int64_t width)
        : shape_(shape), depth_(depth), dropout_(shape.key, shape.zeroed, tokens * width), bias_(depth),
          hidden_(shape.seen == nullptr ? 0 : tokens * width) {}

    void begin(const Head& head) {
        if (shape_.seen != nullptr && head.row != head_.row) hide(head);
        head_ = head;
        if (shape_.zeroed) dropout_.begin(head.row * shape_.heads + head.number, head.tokens * head.width);
    }

    // A state a line, filled up with zeros to whole vectors, and so are the lines up to `lines`; an (A, D) bias
    // is added first where there is one.
    template <class T>
    void read(float* place, const T* numbers, Strides strides, int64_t lines, float factor, const T* bias) {
        const T* start = numbers + head_.start * strides.token + head_.number * strides.head;
        float* added = bias_.data();
        if (bias != nullptr)
            for (int64_t d = 0; d < shape_.depth; ++d) added[d] = load(bias[head_.number * shape_.depth + d]);
        else
            std::fill(added, added + depth_, 0.0f);
        for (int64_t t = 0; t < head_.tokens; ++t) {
            const T* from = start + t * strides.token;
            float* to = place + t * depth_;
            // The next head's, which no hardware foresees: states of a head lie a page or so apart.
            __builtin_prefetch(from + strides.head);
            if (depth_ == shape_.depth)
                each_lane(depth_, [&](int64_t d) { to[d] = (load(from[d]) + added[d]) * factor; });
            else
                for (int64_t d = 0; d < depth_; ++d)
                    to[d] = d < shape_.depth ? (load(from[d]) + added[d]) * factor : 0;
        }
        std::fill(place + head_.tokens * depth_, place + lines * depth_, 0.0f);
    }

    // Part 0, 1 or 2 of queries, keys and values.
    template <class T>
    void read(float* place, const Parts& parts, int part, int64_t lines, float factor) {
        read(place, static_cast<const T*>(parts.numbers[part]), parts.strides, lines, factor,
             static_cast<const T*>(parts.biases[part]));
    }

    // To numbers that lie as `strides` has it, times a factor.
    template <class T>
    void write(T* numbers, Strides strides, const float* place) const {
        write_each(numbers, strides, [=](int64_t t, int64_t d) { return place[t * depth_ + d]; });
    }

    // The same times a factor, and adds all tokens' to the head's in an (A, D) line.
    template <class T>
    void write_and_add(T* numbers, Strides strides, const float* place, float factor, float* line) const {
        float* sums = line + head_.number * shape_.depth;
        write_each(numbers, strides, [=](int64_t t, int64_t d) {
            const float number = place[t * depth_ + d] * factor;
            sums[d] += number;
            return number;
        });
    }

    // What is added to a key's scores; null for nothing.
    const float* hidden(int64_t key) const { return hidden_.empty() ? nullptr : hidden_.data() + key * head_.width; }

    // What a key's shares are multiplied with, for each query.
    void dropout(float* factors, int64_t key) const {
        const uint16_t* drawn = dropout_.drawn() + key * head_.width;
        each_lane(head_.width, [&](int64_t i) { factors[i] = dropout_.factor(drawn[i]); });
    }

  private:
    template <class T, class Numbers>
    void write_each(T* numbers, Strides strides, Numbers number) const {
        T* start = numbers + head_.start * strides.token + head_.number * strides.head;
        for (int64_t t = 0; t < head_.tokens; ++t) {
            T* to = start + t * strides.token;
            if (depth_ == shape_.depth)
                each_lane(depth_, [&](int64_t d) { store(to[d], number(t, d)); });
            else
                for (int64_t d = 0; d < shape_.depth; ++d) store(to[d], number(t, d));
        }
    }

    void hide(const Head& head) {
        for (int64_t key = 0; key < head.tokens; ++key)
            for (int64_t query = 0; query < head.tokens; ++query) {
                const uint8_t* seen = shape_.seen + head.row * shape_.seen_row + query * shape_.seen_query;
                hidden_[key * head.width + query] = seen[key * shape_.seen_key] ? 0.0f : -INFINITY;
            }
    }

    const Shape& shape_;
    int64_t depth_;
    Head head_{-1, 0, 0, 0, 0};
    Dropout dropout_;
    std::vector<float> bias_, hidden_;
};

// (L', D') to (D', L'), both of whole vectors.
void turned(float* place, const float* numbers, int64_t tokens, int64_t depth) {
    for (int64_t t = 0; t < tokens; t += WIDTH)
        for (int64_t d = 0; d < depth; d += WIDTH) {
            Vector block[WIDTH];
#pragma GCC unroll 16
            for (int i = 0; i < WIDTH; ++i) block[i] = vector(numbers + (t + i) * depth + d);
            turn(block);
#pragma GCC unroll 16
            for (int i = 0; i < WIDTH; ++i) vector(place + (d + i) * tokens + t) = block[i];
        }
}

// A head's queries, which are scaled, keys and values; and its scores, turned. `across` is scratch.
template <class T>
void begin_head(Heads& heads, const Parts& parts, const Head& head, const Shape& shape, float* q, float* k, float* v,
                float* across, float* scores) {
    const int64_t tokens = head.tokens, depth = whole_vectors(shape.depth), width = head.width;
    heads.begin(head);
    heads.read<T>(q, parts, 0, width, shape.scaling);
    heads.read<T>(k, parts, 1, tokens, 1);
    heads.read<T>(v, parts, 2, tokens, 1);
    turned(across, q, width, depth);
    product(scores, Plain{k, depth}, across, tokens, width, depth);
}

template <class T>
void forward(const Shape& shape, T* output, Strides of_output, float* largest, float* inverses, const Parts& parts) {
    const int64_t depth = whole_vectors(shape.depth), most = longest(shape), widest = whole_vectors(most);
#pragma omp parallel
    {
        Scratch scratch((4 * depth + most + 3) * widest);
        float* q = scratch.take(widest * depth);
        float* across = scratch.take(widest * depth);
        float* k = scratch.take(widest * depth);
        float* v = scratch.take(widest * depth);
        float* scores = scratch.take(widest * most);
        float* top = scratch.take(widest);
        float* sum = scratch.take(widest);
        float* factors = scratch.take(widest);
        Heads heads(shape, depth, most, widest);
        each_head(shape, [&](const Head& head) {
            const int64_t tokens = head.tokens, width = head.width;
            begin_head<T>(heads, parts, head, shape, q, k, v, across, scores);
            // Not below the least float: a query that sees nothing takes nothing.
            std::fill(top, top + width, -3e38f);
            std::fill(sum, sum + width, 0.0f);
            for (int64_t j = 0; j < tokens; ++j) {
                float* s = scores + j * width;
                if (const float* hidden = heads.hidden(j)) each_lane(width, [&](int64_t i) { s[i] += hidden[i]; });
                each_lane(width, [&](int64_t i) { top[i] = s[i] > top[i] ? s[i] : top[i]; });
            }
            for (int64_t j = 0; j < tokens; ++j) {
                float* s = scores + j * width;
                each_lane(width, [&](int64_t i) {
                    s[i] = exponential(s[i] - top[i]);
                    sum[i] += s[i];
                });
            }
            each_lane(width, [&](int64_t i) { sum[i] = sum[i] == 0 ? 0 : 1 / sum[i]; });
            std::copy(top, top + tokens, largest + head.kept(shape));
            std::copy(sum, sum + tokens, inverses + head.kept(shape));
            for (int64_t j = 0; j < tokens; ++j) {
                float* s = scores + j * width;
                each_lane(width, [&](int64_t i) { s[i] *= sum[i]; });
                if (shape.zeroed == 0) continue;
                heads.dropout(factors, j);
                each_lane(width, [&](int64_t i) { s[i] *= factors[i]; });
            }
            product(q, Turned{scores, width}, v, tokens, depth, tokens);
            heads.write(output, of_output, q);
        });
    }
}

template <class T>
void backward(const Shape& shape, T* to_queries, T* to_keys, T* to_values, Strides of_results, T* to_biases,
              const T* above, Strides of_above, const float* largest, const float* inverses, const Parts& parts) {
    const int64_t depth = whole_vectors(shape.depth), most = longest(shape), widest = whole_vectors(most);
    const int64_t line = shape.heads * shape.depth;
    Columns columns(3 * line);
#pragma omp parallel
    {
        float* sums = columns.own();
        Scratch scratch((5 * depth + 2 * most + 4) * widest);
        float* q = scratch.take(widest * depth);
        float* k = scratch.take(widest * depth);
        float* v = scratch.take(widest * depth);
        float* g = scratch.take(widest * depth);
        float* across = scratch.take(widest * depth);
        float* shares = scratch.take(widest * most);
        float* slopes = scratch.take(widest * most);
        float* top = scratch.take(widest);
        float* inverse = scratch.take(widest);
        float* mean = scratch.take(widest);
        float* factors = scratch.take(widest);
        std::fill(factors, factors + widest, 1.0f);
        Heads heads(shape, depth, most, widest);
        each_head(shape, [&](const Head& head) {
            const int64_t tokens = head.tokens, width = head.width, kept = head.kept(shape);
            begin_head<T>(heads, parts, head, shape, q, k, v, across, shares);
            heads.read<T>(g, above, of_above, width, 1, nullptr);
            // Behind the last query lies what another row left.
            std::fill(std::copy(largest + kept, largest + kept + tokens, top), top + width, 0.0f);
            std::fill(std::copy(inverses + kept, inverses + kept + tokens, inverse), inverse + width, 0.0f);
            turned(across, g, width, depth);
            product(slopes, Plain{v, depth}, across, tokens, width, depth);
            std::fill(mean, mean + width, 0.0f);
            for (int64_t j = 0; j < tokens; ++j) {
                float* p = shares + j * width;
                float* s = slopes + j * width;
                if (const float* hidden = heads.hidden(j)) each_lane(width, [&](int64_t i) { p[i] += hidden[i]; });
                if (shape.zeroed) heads.dropout(factors, j);
                each_lane(width, [&](int64_t i) {
                    p[i] = exponential(p[i] - top[i]) * inverse[i];
                    s[i] *= factors[i];
                    mean[i] += p[i] * s[i];
                });
            }
            for (int64_t j = 0; j < tokens; ++j) {
                float* p = shares + j * width;
                float* s = slopes + j * width;
                if (shape.zeroed) heads.dropout(factors, j);
                each_lane(width, [&](int64_t i) {
                    s[i] = p[i] * (s[i] - mean[i]);
                    p[i] *= factors[i];
                });
            }
            product(v, Plain{shares, width}, g, tokens, depth, tokens);
            heads.write_and_add(to_values, of_results, v, 1, sums + 2 * line);
            product(v, Turned{slopes, width}, k, tokens, depth, tokens);
            heads.write_and_add(to_queries, of_results, v, shape.scaling, sums);
            // The queries are scaled already.
            product(v, Plain{slopes, width}, q, tokens, depth, tokens);
            heads.write_and_add(to_keys, of_results, v, 1, sums + line);
        });
    }
    columns.add_up(to_biases, 0, 3 * line);
}

}  // namespace

extern "C" {

#define KERNELS(NAME, T)                                                                                          \
    void attention_##NAME(const Shape* shape, T* output, const Strides* of_output, float* largest, float* inverses, \
                          const Parts* parts) {                                                                    \
        forward(*shape, output, *of_output, largest, inverses, *parts);                                            \
    }                                                                                                              \
    /* to_biases: a line of the sums of all tokens' queries, keys and values. */                                   \
    void attention_gradient_##NAME(const Shape* shape, T* to_queries, T* to_keys, T* to_values,                     \
                                   const Strides* of_results, T* to_biases, const T* above,                        \
                                   const Strides* of_above, const float* largest, const float* inverses,           \
                                   const Parts* parts) {                                                           \
        backward(*shape, to_queries, to_keys, to_values, *of_results, to_biases, above, *of_above, largest,         \
                 inverses, *parts);                                                                                \
    }

KERNELS(bf16, bf16)
KERNELS(float, float)

}  // extern "C"
