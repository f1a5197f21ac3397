/* Elementary functions in plain arithmetic, without branches or calls, so that a compiler can vectorise what
   uses them. A few ulps; arguments are finite (the solver checks its input). Overflow saturates near 1e304. */
#include <float.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

/* a call left in a loop would keep it from being vectorised */
#if defined(__GNUC__)
#define INLINE static inline __attribute__((always_inline))
#else
#define INLINE static inline
#endif

/* exp(x) = m + scale with m = expm1_scaled(x, &scale); exp(x) - 1 = m + (scale - 1) to a few ulps */
INLINE double expm1_scaled(double x, double *scale) {
    x = x < -708.0 ? -708.0 : x > 700.0 ? 700.0 : x;
    const double magic = 0x1.8p52;
    double t = x * 1.4426950408889634 + magic, k = t - magic;
    double r = (x - k * 0x1.62e42fefa39efp-1) - k * 0x1.abc9e3b39803fp-56;
    uint64_t bits;
    memcpy(&bits, &t, 8);
    bits = (bits + 1023) << 52;
    memcpy(scale, &bits, 8);
    /* 1/2! ... 1/13!, in pairs so that the chain of dependent operations stays short */
    double s = r * r, q = s * s;
    double a = (0.5 + r * 1.6666666666666666e-01) + s * (4.1666666666666664e-02 + r * 8.333333333333333e-03);
    double b = (1.388888888888889e-03 + r * 1.984126984126984e-04) + s * (2.48015873015873e-05 + r * 2.7557319223985893e-06);
    double c = (2.7557319223985893e-07 + r * 2.505210838544172e-08) + s * (2.08767569878681e-09 + r * 1.6059043836821613e-10);
    double m = ((a + q * b) + (q * q) * c) * s + r;
    return *scale * m;
}

INLINE double k_exp(double x) {
    double scale, m = expm1_scaled(x, &scale);
    return m + scale;
}

INLINE double k_expm1(double x) {
    double scale, m = expm1_scaled(x, &scale);
    return m + (scale - 1.0);
}

INLINE double k_floor(double x) { return x < DBL_MIN ? DBL_MIN : x; }

/* log x by the exponent and the series of 2 artanh((m - 1)/(m + 1)), m in [sqrt(1/2), sqrt 2) */
INLINE double k_log(double x) {
    x = k_floor(x);
    const uint64_t half = 0x3fe6a09e667f3bcdULL, magic = 0x4338000000000000ULL;
    uint64_t bits, whole;
    memcpy(&bits, &x, 8);
    bits -= half;
    whole = magic + (uint64_t)((int64_t)bits >> 52);
    bits = (bits & 0x000fffffffffffffULL) + half;
    double m, k;
    memcpy(&m, &bits, 8);
    memcpy(&k, &whole, 8);
    k -= 0x1.8p52;
    double f = (m - 1.0) / (m + 1.0), s = f * f, t = s * s, h = t * t;
    double a = (0x1.5555555555555p-2 + s * 0x1.999999999999ap-3) + t * (0x1.2492492492492p-3 + s * 0x1.c71c71c71c71cp-4);
    double b = (0x1.745d1745d1746p-4 + s * 0x1.3b13b13b13b14p-4) + t * (0x1.1111111111111p-4 + s * 0x1.e1e1e1e1e1e1ep-5);
    double p = (a + h * b) + (h * h) * (0x1.af286bca1af28p-5 + s * 0x1.8618618618618p-5); /* 1/3 ... 1/21 */
    return (2.0 * f * s * p + k * 0x1.abc9e3b39803fp-56) + (2.0 * f + k * 0x1.62e42fefa39efp-1);
}

/* the rounding of 1 + x is made good to first order */
INLINE double k_log1p(double x) {
    double u = 1.0 + x;
    u = k_floor(u);
    return k_log(u) + (x - (u - 1.0)) / u;
}

INLINE double k_sqrt(double x) { return sqrt(k_floor(x)); }
INLINE double k_pow(double x, double e) { return k_exp(e * k_log(x)); }
INLINE double k_power_minus_1(double x, double e) { return k_expm1(e * k_log(x)); }
INLINE double k_reciprocal(double x) { return 1.0 / x; }
INLINE double k_square(double x) { return x * x; }

/* Wright omega, u + e^u = z in u = log omega: convex, both starts lie right of the root, so Newton descends */
#define OMEGA_STEP e = k_exp(u); u = u - (e + u - z) / (e + 1.0);
INLINE double k_omega(double z) {
    z = z > 1e300 ? 1e300 : z;
    double e, u = z < 1.0 ? z : k_log(z);
    OMEGA_STEP OMEGA_STEP OMEGA_STEP OMEGA_STEP OMEGA_STEP OMEGA_STEP OMEGA_STEP
    return k_exp(u);
}
