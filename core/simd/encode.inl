// Encoding, in the compiler's own vectors of the width there is. No float is converted to an integer but by adding to
// it, between bounds: any x is safe. Everything is static, as in vector.inl.
#include <stddef.h>
#include <stdint.h>
#include <string.h>

namespace kinspace {
namespace {

#if defined(__AVX512F__)
constexpr size_t wide = 16;
#elif defined(__AVX2__)
constexpr size_t wide = 8;
#else
constexpr size_t wide = 4;
#endif

typedef float WideF __attribute__((vector_size(wide * 4)));
typedef int32_t WideI __attribute__((vector_size(wide * 4)));

inline WideF wide_at(const float* x) {
  WideF v;
  memcpy(&v, x, sizeof v);
  return v;
}
inline WideI bits_of(WideF v) { return reinterpret_cast<WideI>(v); }
inline WideF splat(float x) { return x - WideF{}; }
inline float total(WideF v) {
  float sum = 0;
  for (size_t i = 0; i < wide; ++i) sum += v[i];
  return sum;
}

// The lower bytes of 4 * wide integers.
inline void store_bytes(const WideI (&v)[4], void* to) {
#if defined(__AVX512F__)
  for (size_t j = 0; j < 4; ++j)
    _mm_storeu_si128(static_cast<__m128i*>(to) + j, _mm512_cvtepi32_epi8(reinterpret_cast<__m512i>(v[j])));
#elif defined(__AVX2__)
  const auto byte = [&](size_t j) { return reinterpret_cast<__m256i>(v[j] & 0xff); };
  const __m256i halves[2] = {_mm256_packus_epi32(byte(0), byte(1)), _mm256_packus_epi32(byte(2), byte(3))};
  const __m256i mixed = _mm256_packus_epi16(halves[0], halves[1]);
  const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
  _mm256_storeu_si256(static_cast<__m256i*>(to), _mm256_permutevar8x32_epi32(mixed, order));
#else
  int32_t one[4 * wide];
  memcpy(one, v, sizeof one);
  for (size_t i = 0; i < 4 * wide; ++i) static_cast<uint8_t*>(to)[i] = static_cast<uint8_t>(one[i]);
#endif
}

// The nearest integer to v between the bounds, the even one of two; low for NaN. As its sum with `shift`.
constexpr float shift = 12582912.0f;  // 1.5 * 2^23: the last bit of what is near it is worth 1
inline WideF shifted(WideF v, float low, float high) {
  const WideF a = splat(low), b = splat(high);
  v = v > a ? v : a;
  v = v < b ? v : b;
  return v + shift;
}
inline WideI whole(WideF v, float low, float high) {
  return bits_of(shifted(v, low, high)) - __builtin_bit_cast(int32_t, shift);
}

// The greatest |x|, infinity if one is not finite; n is a multiple of 64.
float greatest(const float* x, size_t n) noexcept {
  WideI top[4] = {};
  for (size_t i = 0; i < n; i += 4 * wide)
    for (size_t j = 0; j < 4; ++j) {
      const WideI size = bits_of(wide_at(x + i + j * wide)) & 0x7fffffff;  // of the same order as integers
      top[j] = top[j] > size ? top[j] : size;
    }
  int32_t most = 0;
  for (size_t i = 0; i < 4 * wide; ++i) most = most > top[i / wide][i % wide] ? most : top[i / wide][i % wide];
  return __builtin_bit_cast(float, most < 0x7f800000 ? most : 0x7f800000);
}

// A code's levels for y = x / step: the odd numbers to 15, 2u - 15, or the whole ones to 127, u - 128.
template <int Bits>
struct Levels {
  static constexpr float most = Bits == 4 ? 15.0f : 127.0f;
  // The nearest integer to y * times + plus, between first and last, is u - zero. (Fused or not, the sum is the same.)
  static constexpr float times = Bits == 4 ? 0.5f : 1.0f, plus = Bits == 4 ? 7.5f : 0.0f;
  static constexpr float first = Bits == 4 ? 0.0f : -127.0f, last = Bits == 4 ? 15.0f : 127.0f;
  static constexpr int32_t zero = Bits == 4 ? 0 : 128;
};

struct Fit {
  float inverse = 0;     // 1 / step; 0: nothing fits
  float yc = 0, cc = 0;  // <y, c>, <c, c>

  float scale() const { return cc > 0 ? yc / cc / inverse : 0; }
};

// What is 0 (the padding is) takes no part.
template <int Bits>
inline Fit fit(const float* x, size_t n, float inverse) {
  using L = Levels<Bits>;
  WideF yc[2] = {}, cc[2] = {};
  for (size_t i = 0; i < n; i += 2 * wide)
    for (size_t j = 0; j < 2; ++j) {
      const WideF y = wide_at(x + i + j * wide) * inverse;
      const WideF u = shifted(y * L::times + L::plus, L::first, L::last) - shift;
      const WideF level = (u - L::plus) * (1.0f / L::times);
      const WideF c = reinterpret_cast<WideF>(bits_of(level) & (y != 0.0f));
      yc[j] += y * c;
      cc[j] += c * c;
    }
  return {inverse, total(yc[0] + yc[1]), total(cc[0] + cc[1])};
}

// The step whose levels leave least of x over, of those that put the greatest |x| at most / span.
template <int Bits>
inline Fit best_fit(const float* x, size_t n, const float* spans, size_t count) {
  const float top = greatest(x, n);
  Fit best;
  if (!(top > 1e-36f && top < __builtin_inff())) return best;
  float kept = -1;
  for (size_t s = 0; s < count; ++s) {
    const Fit tried = fit<Bits>(x, n, Levels<Bits>::most / (top * spans[s]));
    const float keeps = tried.yc * (tried.yc / tried.cc) * spans[s] * spans[s];
    if (keeps > kept) {
      kept = keeps;
      best = tried;
    }
  }
  return best;
}

template <int Bits>
inline WideI code_of(const float* x, float inverse) {
  using L = Levels<Bits>;
  return whole(wide_at(x) * inverse * L::times + L::plus, L::first, L::last) + L::zero;
}

void encode4(const float* x, size_t lines, uint8_t* code, float* scale) noexcept {
  constexpr float spans[] = {1.0f, 0.9f, 0.8f, 0.72f, 0.64f, 0.57f, 0.5f, 0.44f, 0.38f, 0.32f, 0.26f};
  const Fit best = best_fit<4>(x, lines * 128, spans, sizeof spans / sizeof *spans);
  for (size_t line = 0; line < lines; ++line, x += 128, code += 64)
    for (size_t i = 0; i < 64; i += 4 * wide) {
      WideI u[4];
      for (size_t j = 0; j < 4; ++j) {
        const float* at = x + i + j * wide;
        u[j] = code_of<4>(at, best.inverse) | code_of<4>(at + 64, best.inverse) << 4;
      }
      store_bytes(u, code + i);
    }
  *scale = best.scale();
}

void encode8(const float* x, size_t lines, uint8_t* code, float* scale) noexcept {
  constexpr float span = 1.0f;
  const Fit best = best_fit<8>(x, lines * 64, &span, 1);
  for (size_t i = 0; i < lines * 64; i += 4 * wide) {
    WideI u[4];
    for (size_t j = 0; j < 4; ++j) u[j] = code_of<8>(x + i + j * wide, best.inverse);
    store_bytes(u, code + i);
  }
  *scale = best.scale();
}

int32_t quantize(const float* x, float steps, size_t n, int8_t* q) noexcept {
  WideI sum[4] = {};
  for (size_t i = 0; i < n; i += 4 * wide) {
    WideI level[4];
    for (size_t j = 0; j < 4; ++j) {
      level[j] = whole(wide_at(x + i + j * wide) * steps, -127.0f, 127.0f);
      sum[j] += level[j];
    }
    store_bytes(level, q + i);
  }
  const WideI all = (sum[0] + sum[1]) + (sum[2] + sum[3]);
  int32_t total = 0;
  for (size_t j = 0; j < wide; ++j) total += all[j];
  return total;
}

}  // namespace
}  // namespace kinspace
