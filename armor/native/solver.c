/* One objective on one batch: the method of armor/objectives/reweighting.py without its general cases.

   Soft costs tilt the reference of KL and lower the arguments of FAMILY_F; FAMILY_RENYI takes none. The caller defines
   one of FAMILY_KL, FAMILY_RENYI, FAMILY_F. elementary.h precedes this text, and for FAMILY_F the functions f_value, f_slope,
   f_density, f_response, printed by theory/backends/c_source.py from the one SymPy expression.

   The solver certifies its own answer. Whatever it does not cover (bad input, no convergence) returns DECLINED,
   and the general solver takes over. */
#define DECLINED -1

#define TINY 1e-300
#define FEW 2048     /* samples that the first search looks at, */
#define TOPMOST 512  /* at most so many of them the largest, */
#define MANY 8192    /* from this size on */

typedef struct {
    long n;
    const double *d, *p, *alone; /* losses minus their maximum, masses, f'(1/p) */
    const float *d32, *p32;      /* KL: single-precision copies for the first steps at large n, or NULL */
    double uniform;              /* 1/n where all masses are equal (p is then not read), else 0 */
    double spread, ceiling, mean;
    const double *k;             /* constants of the family */
    const double *c;             /* costs where FAMILY_F has some, else NULL */
    double dear;                 /* their mean */
} Batch;

typedef struct {
    double shift;  /* (rho - max l)/mu */
    double spent;  /* divergence of the worst re-weighting */
    double answer; /* a'Ma, minus the derivative of `spent` in log mu */
    int good;
} Step;

INLINE double mass_of(const Batch *b, long i) { return b->uniform > 0 ? b->uniform : b->p[i]; }

INLINE float exp32(float x) {
    x = x < -87.0f ? -87.0f : x;
    const float magic = 0x1.8p23f;
    float t = x * 1.44269504f + magic, k = t - magic;
    float r = (x - k * 0.693359375f) + k * 2.12194440e-4f;
    uint32_t bits;
    memcpy(&bits, &t, 4);
    bits = (bits + 127) << 23;
    float scale;
    memcpy(&scale, &bits, 4);
    float m = 1.9841270e-4f;
    m = m * r + 1.3888889e-3f;
    m = m * r + 8.3333333e-3f;
    m = m * r + 4.1666667e-2f;
    m = m * r + 1.6666667e-1f;
    m = m * r + 0.5f;
    m = m * r * r + r;
    return scale * m + scale;
}

#ifdef FAMILY_KL
typedef struct { double shrink, mass, first, second; } Sums;

INLINE Sums sums_of(const Batch *b, double theta, const int equal, double *restrict w) {
    double shrink = 0, mass = 0, first = 0, second = 0;
    const double *restrict d = b->d, *restrict p = b->p;
#pragma omp simd reduction(+ : shrink, mass, first, second)
    for (long i = 0; i < b->n; i++) {
        double scale, m = expm1_scaled(d[i] * theta, &scale);
        double q = equal ? 1.0 : p[i], less = q * (m + (scale - 1.0)), e = q * (m + scale);
        shrink += less;
        mass += e;
        first += e * d[i];
        second += e * d[i] * d[i];
        if (w) w[i] = e;
    }
    double u = equal ? b->uniform : 1.0;
    return (Sums){shrink * u, mass * u, first * u, second * u};
}

static Sums sums(const Batch *b, double theta, double *w) {
    return b->uniform > 0 ? sums_of(b, theta, 1, w) : sums_of(b, theta, 0, w);
}

INLINE Sums sums32_of(const Batch *b, float theta, const int equal) {
    double mass = 0, first = 0, second = 0;
    for (long from = 0; from < b->n; from += 1024) {
        long to = from + 1024 < b->n ? from + 1024 : b->n;
        float s0 = 0, s1 = 0, s2 = 0;
        const float *restrict d = b->d32, *restrict p = b->p32;
#pragma omp simd reduction(+ : s0, s1, s2)
        for (long i = from; i < to; i++) {
            float e = exp32(d[i] * theta) * (equal ? 1.0f : p[i]), f = e * d[i];
            s0 += e;
            s1 += f;
            s2 += f * d[i];
        }
        mass += s0;
        first += s1;
        second += s2;
    }
    double u = equal ? b->uniform : 1.0;
    return (Sums){mass * u - 1.0, mass * u, first * u, second * u};
}

static double log_mass(Sums s) { return s.shrink > -0.5 ? log1p(s.shrink) : log(s.mass); }

static Step reweight(const Batch *b, double theta, double warm) {
    (void)warm;
    Sums s = !b->d32                ? sums(b, theta, NULL)
             : b->uniform > 0       ? sums32_of(b, (float)theta, 1)
                                    : sums32_of(b, (float)theta, 0);
    double mean = s.first / s.mass, l = log_mass(s);
    double variance = s.second / s.mass - mean * mean;
    return (Step){l - 1.0, theta * mean - l, theta * theta * variance, variance > 0};
}

static double ceiling_of(const Batch *b, double peak) { return -log(peak); }
#endif

#ifdef FAMILY_RENYI
/* k[0] = alpha. The worst weights are p (rho - l)^(-1/alpha) up to a factor (T10): they depend on rho alone, and so
   does what they spend; mu follows from rho in closed form. One equation in sigma = log(rho - max l) is left:
   spent = radius, or mu = kappa. With k = (rho - l)/(rho - max l), u = k^(-1/alpha), r = (k - 1)/k:
   M = E u, G = E u k; and E u r, E u r^2, with which the derivatives in sigma are written. */
typedef struct { double less, more, mass, gain, n1, n2; } Sums; /* M - 1, G - 1, M, G, E u r, E u r^2 */

INLINE Sums sums_of(const Batch *b, double c, const int equal, const int close, double *restrict w) {
    double less = 0, more = 0, mass = 0, gain = 0, n1 = 0, n2 = 0, inverse = 1.0 / b->k[0];
    const double *restrict d = b->d, *restrict p = b->p;
    /* logarithms first, by blocks: two short chains of operations overlap better than one long one */
    for (long from = 0; from < b->n; from += 512) {
        long to = from + 512 < b->n ? from + 512 : b->n;
#pragma omp simd
        for (long i = from; i < to; i++) w[i] = -inverse * k_log1p(d[i] * c);
#pragma omp simd reduction(+ : less, more, mass, gain, n1, n2)
        for (long i = from; i < to; i++) {
            double q = equal ? 1.0 : p[i], k1 = d[i] * c, r = k1 / (1.0 + k1), scale;
            double m = expm1_scaled(w[i], &scale), down = m + (scale - 1.0), u = m + scale, up;
            if (close) { /* near alpha = 1 the product below would cancel */
                up = expm1_scaled(w[i] * (1.0 - b->k[0]), &scale);
                up += scale - 1.0;
            } else {
                up = k1 * u + down;
            }
            less += q * down;
            more += q * up;
            u *= q;
            mass += u;
            gain += u + u * k1;
            n1 += u * r;
            n2 += u * r * r;
            w[i] = u;
        }
    }
    double s = equal ? b->uniform : 1.0;
    return (Sums){less * s, more * s, mass * s, gain * s, n1 * s, n2 * s};
}

/* Where the sums are known, with their masses in w; from there a series gives those of the neighbourhood. */
typedef struct { double sigma; Sums sums; double *w; int known; } Near;

#define REACH 4e-3 /* of a step times 1 + 1/alpha: up to there the six terms below are exact to rounding */

/* The masses at exp(-sigma) (1 + step), u (1 + step r)^(-1/alpha), without another logarithm. */
INLINE Sums shifted_of(const Batch *b, const Near *near, double step, const int write) {
    double less = 0, more = 0, mass = 0, gain = 0, n1 = 0, n2 = 0, c = -exp(-near->sigma), a = b->k[0];
    double x[7] = {1.0}, y[7] = {1.0};
    for (int j = 1; j < 7; j++) {
        x[j] = x[j - 1] * (1 - j - 1.0 / a) / j;
        y[j] = y[j - 1] * ((a - 1.0) / a + (1 - j)) / j;
    }
    const double *restrict d = b->d;
    double *restrict w = near->w;
#pragma omp simd reduction(+ : less, more, mass, gain, n1, n2)
    for (long i = 0; i < b->n; i++) {
        double k1 = d[i] * c, k = 1.0 + k1, r = k1 / k, t = step * r, u = w[i];
        double down = x[1] + t * (x[2] + t * (x[3] + t * (x[4] + t * (x[5] + t * x[6])))); /* of u */
        double up = y[1] + t * (y[2] + t * (y[3] + t * (y[4] + t * (y[5] + t * y[6]))));   /* of u k */
        down *= u * t;
        double v = u + down, vr = v * (r + step * r - t * r);
        less += down;
        more += u * k * t * up;
        mass += v;
        gain += v * (k + step * k1);
        n1 += vr;
        n2 += vr * r;
        if (write) w[i] = v;
    }
    double s = b->uniform > 0 ? b->uniform : 1.0;
    return (Sums){near->sums.less + less * s, near->sums.more + more * s, mass * s, gain * s, n1 * s, n2 * s};
}

/* The step that `shifted_of` would take to sigma; INFINITY where its series does not reach. */
static double step_of(const Batch *b, double sigma, const Near *near) {
    double step = near->known ? expm1(near->sigma - sigma) : INFINITY;
    return fabs(step) * (1.0 + 1.0 / b->k[0]) < REACH ? step : INFINITY;
}

static Sums sums(const Batch *b, double sigma, Near *near) {
    double c = -exp(-sigma), step = step_of(b, sigma, near);
    if (isfinite(step)) return shifted_of(b, near, step, 0);
    int close = fabs(b->k[0] - 1.0) < 0.05;
    double *w = near->w;
    Sums s = b->uniform > 0 ? (close ? sums_of(b, c, 1, 1, w) : sums_of(b, c, 1, 0, w))
                            : (close ? sums_of(b, c, 0, 1, w) : sums_of(b, c, 0, 0, w));
    *near = (Near){sigma, s, w, 1};
    return s;
}

/* The masses at sigma, scaled to the sum one. */
static Sums masses(const Batch *b, double sigma, Near *near) {
    double step = step_of(b, sigma, near), *restrict w = near->w;
    Sums s = isfinite(step) ? shifted_of(b, near, step, 1) : sums(b, sigma, near);
    double unit = (b->uniform > 0 ? b->uniform : 1.0) / s.mass;
    for (long i = 0; i < b->n; i++) w[i] *= unit;
    near->known = 0;
    return s;
}

/* Of a sum and what it lacks to one: near one the second has the digits, far below it the first. */
static double log_of(double whole, double less) { return less > -0.5 ? log1p(less) : log(whole); }

static double drawn_of(Sums s) { return s.less > -0.5 ? s.more - s.less : s.gain - s.mass; } /* E u (k - 1) */

typedef struct { double spent, spending, bending, log_mu, rising; } Place; /* bending: of spent, a second derivative */

static Place place_of(const Batch *b, Sums s, double sigma) {
    double a = b->k[0], mass = s.mass, g = s.gain, moved = s.n1 / mass, drawn = drawn_of(s) / g;
    double log_mass = log_of(mass, s.less), log_g = log_of(g, s.more);
    double moving = (s.n2 / mass) * (1.0 + 1.0 / a) - moved - moved * moved / a;
    double drawing = (drawn - s.n1 / g) / a - drawn + (1.0 - 1.0 / a) * drawn * drawn;
    return (Place){(log_g + (a - 1.0) * log_mass) / (a * (a - 1.0)), (moved - drawn) / (a * a),
                   (moving - drawing) / (a * a), sigma + log_g - log_mass + log(a),
                   1.0 - (moved + (a - 1.0) * drawn) / a};
}

/* sigma at which the worst weights spend `radius`, or where mu = exp(log_mu) if `radius` is 0. Halley's step (of mu:
   Newton's) leaves the cube (the square) of the excess; the one after `tolerance` is met is not evaluated.
   0 when it and bisection both gave up. */
static int search(const Batch *b, double radius, double log_mu, double tolerance, int budget, double *sigma, Near *near,
                  int *used) {
    double log_spread = log(b->spread), low = log_spread - 600.0, high = log_spread + 80.0, last = high - low;
    double x = *sigma > low && *sigma < high ? *sigma : log_spread;
    int capped = isfinite(b->ceiling) && b->ceiling > radius;
    for (int i = 0; i < budget; i++) {
        Place at = place_of(b, sums(b, x, near), x);
        double excess, slope, bend = 0.0, noise = tolerance;
        ++*used;
        if (radius > 0) {
            double net = fmax(at.spent, TINY), room = fmax(b->ceiling - net, TINY), inside = at.spending / net;
            excess = log(net) - log(radius) - (capped ? log(room) - log(fmax(b->ceiling - radius, TINY)) : 0.0);
            slope = inside + (capped ? at.spending / room : 0.0);
            bend = at.bending / net - inside * inside;
            if (capped) bend += at.bending / room + (at.spending / room) * (at.spending / room);
            noise += fmin(2e-15 / net, 0.01);
            if (at.spent > radius) low = x; else high = x;
        } else {
            excess = at.log_mu - log_mu;
            slope = at.rising;
            if (excess < 0) low = x; else high = x;
        }
        double first = -excess / slope, turn = 1.0 + 0.5 * first * bend / slope;
        double halley = x + first / (turn > 0.5 && turn < 2.0 ? turn : 1.0);
        int inside = halley > low && halley < high;
        if (fabs(excess) <= noise || high - low <= 4e-16 * fabs(x)) {
            *sigma = inside ? halley : x;
            return 1;
        }
        double next = inside && fabs(halley - x) <= 0.5 * last ? halley : 0.5 * (low + high);
        last = fabs(next - x);
        x = next;
    }
    return 0;
}

static double ceiling_of(const Batch *b, double peak) { return b->k[0] < 1.0 ? log(peak) / (b->k[0] - 1.0) : INFINITY; }
#endif

#ifdef FAMILY_F
/* k[0] = f'(1), k[1] = where the series of f at 1 serves, k[2..9] its coefficients from t^2 on, then the rest */
INLINE double centred(double t, const double *restrict k) {
    double x = t - 1.0, series = k[9], direct = f_value(t, k) - k[0] * x;
    series = series * x + k[8];
    series = series * x + k[7];
    series = series * x + k[6];
    series = series * x + k[5];
    series = series * x + k[4];
    series = series * x + k[3];
    series = (series * x + k[2]) * x * x;
    return fabs(x) < k[1] ? series : direct;
}

INLINE double answer_of(double y, const double *restrict k) {
    double s = f_response(y, k);
    return s < 1e300 ? s : 0.0; /* infinite at an end of the domain, where the mass has no slope */
}

/* y = (l - mu c - rho)/mu = d theta - c - r */
INLINE void masses_of(const Batch *b, double theta, double r, double *mass, double *slope, const int equal, const int dear) {
    double m = 0, s = 0;
    const double *restrict d = b->d, *restrict p = b->p, *restrict c = b->c, *restrict k = b->k;
#pragma omp simd reduction(+ : m, s)
    for (long i = 0; i < b->n; i++) {
        double q = equal ? 1.0 : p[i], y = d[i] * theta - (dear ? c[i] : 0.0) - r;
        m += q * f_density(y, k);
        s += q * answer_of(y, k);
    }
    double u = equal ? b->uniform : 1.0;
    *mass = m * u;
    *slope = s * u;
}

INLINE Step moments_of(const Batch *b, double theta, double r, double mass, const int equal, const int dear) {
    double spent = 0, s0 = 0, s1 = 0, s2 = 0, inverse = 1.0 / mass;
    const double *restrict d = b->d, *restrict p = b->p, *restrict c = b->c, *restrict k = b->k;
#pragma omp simd reduction(+ : spent, s0, s1, s2)
    for (long i = 0; i < b->n; i++) {
        double q = equal ? 1.0 : p[i], a = d[i] * theta, paid = dear ? c[i] : 0.0, y = a - paid - r;
        double s = q * answer_of(y, k), t = f_density(y, k) * inverse;
        spent += q * (centred(t, k) + t * paid);
        s0 += s;
        s1 += s * a;
        s2 += s * a * a;
    }
    double u = equal ? b->uniform : 1.0;
    return (Step){r, spent * u, u * (s2 - s1 * s1 / s0), s0 > 0};
}

static Step reweight(const Batch *b, double theta, double warm) {
    double a = b->k[0], low = -INFINITY, highest = 0, lowest = -b->spread * theta, r, mass = 0, slope = 0;
    if (b->uniform > 0) {
        low = -b->alone[0];
    } else {
        const double *restrict d = b->d, *restrict alone = b->alone, *restrict c = b->c;
        if (c) {
            highest = -INFINITY, lowest = INFINITY;
#pragma omp simd reduction(max : highest) reduction(min : lowest)
            for (long i = 0; i < b->n; i++) {
                double x = d[i] * theta - c[i];
                highest = x > highest ? x : highest, lowest = x < lowest ? x : lowest;
            }
        }
#pragma omp simd reduction(max : low)
        for (long i = 0; i < b->n; i++) {
            double bound = d[i] * theta - (c ? c[i] : 0.0) - alone[i];
            low = bound > low ? bound : low;
        }
    }
    double high = highest - a;
    low = low > lowest - a ? low : lowest - a;
    r = isfinite(warm) ? warm : theta * b->mean - b->dear - a;
    r = r > low && r < high ? r : 0.5 * (low + high);
    double last = high - low;
    int good = 0;
    for (int i = 0; i < 80; i++) {
        if (b->c) masses_of(b, theta, r, &mass, &slope, 0, 1);
        else if (b->uniform > 0) masses_of(b, theta, r, &mass, &slope, 1, 0);
        else masses_of(b, theta, r, &mass, &slope, 0, 0);
        double log_mass = log(mass);
        if (mass > 1) low = r; else high = r;
        double newton = r + log_mass * mass / slope;
        if (fabs(log_mass) <= (b->n < MANY ? 2e-13 : 1e-11) || high - low <= 3e-16 * fabs(r) || newton == r) {
            good = fabs(log_mass) <= 1e-9;
            break;
        }
        double next = newton > low && newton < high && fabs(newton - r) <= 0.5 * last ? newton : 0.5 * (low + high);
        last = fabs(next - r);
        r = next;
    }
    Step out = b->c ? moments_of(b, theta, r, mass, 0, 1)
               : b->uniform > 0 ? moments_of(b, theta, r, mass, 1, 0) : moments_of(b, theta, r, mass, 0, 0);
    out.good = out.good && good;
    return out;
}

static double ceiling_of(const Batch *b, double peak) {
    return peak * centred(1.0 / peak, b->k) + (peak < 1.0 ? (1.0 - peak) * centred(0.0, b->k) : 0.0);
}
#endif

#ifndef FAMILY_RENYI
/* log of the mu at which the worst re-weighting spends `radius`; 0 when Newton and bisection both gave up */
static int search(const Batch *b, double radius, double tolerance, int budget, double *log_mu, double *shift, int *used) {
    double log_spread = log(b->spread), low = log_spread - 80.0;
    double high = (*log_mu > log_spread ? *log_mu : log_spread) + 60.0, last = high - low;
    double x = *log_mu > low ? *log_mu : log_spread, warm = *shift, log_radius = log(radius);
    int capped = isfinite(b->ceiling) && b->ceiling > radius;
    double log_room = capped ? log(fmax(b->ceiling - radius, TINY)) : 0.0;
    for (int i = 0; i < budget; i++) {
        Step s = reweight(b, exp(-x), warm);
        if (!s.good) return 0;
        ++*used;
        if (s.spent > radius) low = x; else high = x;
        double net = fmax(s.spent, TINY), room = fmax(b->ceiling - net, TINY);
        double excess = log(net) - log_radius - (capped ? log(room) - log_room : 0.0);
        double slope = s.answer * (1.0 / net + (capped ? 1.0 / room : 0.0));
        double noise = tolerance + fmin(2e-15 / net, 0.01), newton = x + excess / slope;
        *log_mu = x;
        *shift = s.shift;
        if (fabs(excess) <= noise || high - low <= 4e-16 * fabs(x) || (fabs(newton - x) <= 1e-14 && fabs(excess) <= 0.01))
            return 1;
        double next = newton > low && newton < high && fabs(newton - x) <= 0.5 * last ? newton : 0.5 * (low + high);
        last = fabs(next - x);
        warm = s.shift * exp(x - next);
        x = next;
    }
    return 0;
}

#endif

/* A few samples that stand for many: the largest losses one by one, on which the multiplier hangs, and of the others
   every so-many-th, with the mass of all of them. */
static long sketch(const Batch *b, double *restrict part_d, double *restrict part_p, double *restrict part_c) {
    const double *restrict d = b->d;
    double most[32];
    long step = (b->n - 1) / (FEW - TOPMOST) + 1, rank = 128 / step, few = 0;
    rank = rank < 1 ? 1 : rank > 32 ? 32 : rank;
    for (long i = 0; i < rank; i++) most[i] = -INFINITY;
    for (long i = 0; i < b->n; i += step) {
        if (d[i] <= most[rank - 1]) continue;
        long at = rank - 1;
        for (; at > 0 && d[i] > most[at - 1]; at--) most[at] = most[at - 1];
        most[at] = d[i];
    }
    double edge = most[rank - 1], alone = 0, others = 0;
    for (long from = 0; from < b->n && few <= TOPMOST; from += 64) {
        long to = from + 64 < b->n ? from + 64 : b->n;
        double top = -INFINITY;
#pragma omp simd reduction(max : top)
        for (long i = from; i < to; i++) top = d[i] > top ? d[i] : top;
        if (top <= edge) continue;
        for (long i = from; i < to && few <= TOPMOST; i++) {
            if (d[i] <= edge) continue;
            if (few < TOPMOST) part_d[few] = d[i], part_p[few] = mass_of(b, i), part_c[few] = b->c ? b->c[i] : 0.0;
            few++;
        }
    }
    if (few > TOPMOST) few = 0, edge = INFINITY;
    for (long i = 0; i < few; i++) alone += part_p[i];
    long first = few;
    for (long i = 0; i < b->n; i += step) {
        if (d[i] > edge) continue;
        part_d[few] = d[i], part_p[few] = mass_of(b, i), part_c[few] = b->c ? b->c[i] : 0.0;
        others += part_p[few++];
    }
    double scale = fmax(1.0 - alone, 1e-12) / others;
    for (long i = first; i < few; i++) part_p[i] *= scale;
    return few;
}

/* Returns the steps taken times two, plus one where lambda* = 0; or DECLINED.

   losses: n doubles (or floats, `single`).  weights: masses up to a factor, or NULL for equal ones.
   costs: n, or NULL.  k: constants of the family.  work: 6 n + 64 doubles.
   epsilon: the radius, or INFINITY for the step at mu = kappa without one.
   w, s, v: n each, the worst masses and how they answer (s and v may be NULL).
   out: value, lambda, rho, gap, gamma of the rank-one term, mu. */
int armor_solve(long n, const void *losses, int single, const double *weights, const double *costs, double epsilon,
                double kappa, int iterations, double *k, double *work, double *w, double *s, double *v, double *out) {
    /* n doubles each; the spare ones come last, where the 64 extra make room for four samples of FEW */
    double *d = work, *p = work + n, *alone = work + 2 * n, *spare = work + 5 * n;
    int64_t *place = (int64_t *)(work + 3 * n);
    _Static_assert(MANY + 64 >= 4 * FEW + 24, "the samples of a large batch overrun the spare doubles");
#ifdef FAMILY_F
    double *c = work + 4 * n, dear = 0;
#endif
    const double *l64 = losses;
    const float *l32 = losses;
    double total = 0, base = 0, top = -INFINITY, bottom = INFINITY, odd = 0;
    long m = n;
    int equal = !weights && !costs;
    if (equal) { /* one pass over everything */
        double reach = -INFINITY, lowest = INFINITY;
        if (single) {
#pragma omp simd reduction(max : reach) reduction(min : lowest) reduction(+ : odd)
            for (long i = 0; i < n; i++) {
                double l = l32[i];
                d[i] = l, odd += l * 0.0, reach = l > reach ? l : reach, lowest = l < lowest ? l : lowest;
            }
        } else {
#pragma omp simd reduction(max : reach) reduction(min : lowest) reduction(+ : odd)
            for (long i = 0; i < n; i++) {
                double l = l64[i];
                d[i] = l, odd += l * 0.0, reach = l > reach ? l : reach, lowest = l < lowest ? l : lowest;
            }
        }
        top = reach, bottom = lowest;
    } else {
        double nearest = INFINITY;
        for (long i = 0; i < n; i++) {
            double q = weights ? weights[i] : 1.0;
            if (!(q >= 0) || !isfinite(q)) return DECLINED;
            total += q;
            if (costs && q > 0) {
                if (!(costs[i] >= 0)) return DECLINED;
#ifdef FAMILY_F
                if (!isfinite(costs[i])) return DECLINED; /* its mass lies idle, at f(0) */
                dear += q * costs[i];
#endif
                nearest = costs[i] < nearest ? costs[i] : nearest;
            }
        }
        if (!(total > 0) || !isfinite(total) || (costs && !isfinite(nearest))) return DECLINED;
        double kept = 0, lost = 0;
        m = 0;
        for (long i = 0; i < n; i++) {
            double q = (weights ? weights[i] : 1.0) / total, l = single ? l32[i] : l64[i];
#ifdef FAMILY_F
            if (q > 0 && costs) c[m] = costs[i];
#else
            if (q > 0 && costs) {
                lost += q * expm1(nearest - costs[i]);
                q *= exp(nearest - costs[i]);
                if (q <= 1e-250 && isfinite(costs[i])) return DECLINED; /* a hidden mass: `_LEAST` of kl.py */
                kept += q;
            }
#endif
            if (q > 0) {
                odd += l * 0.0;
                d[m] = l, p[m] = q, place[m++] = i;
                top = l > top ? l : top, bottom = l < bottom ? l : bottom;
            }
        }
#ifdef FAMILY_F
        dear /= total;
        (void)kept, (void)lost;
#else
        if (costs) {
            for (long i = 0; i < m; i++) p[i] /= kept;
            base = nearest - (lost > -0.5 ? log1p(lost) : log(kept));
        }
#endif
    }
    double radius = epsilon - base;
    if (odd != 0 || m == 0 || !(radius > 0)) return DECLINED;
    Batch b = {m, d, p, alone, NULL, NULL, equal ? 1.0 / m : 0.0, top - bottom, INFINITY, 0.0, k, NULL, 0.0};
#ifdef FAMILY_F
    if (costs) b.c = c, b.dear = dear;
#endif
    double peak = 0, mean = 0, variance = 0;
    if (equal) {
#pragma omp simd reduction(+ : peak, mean)
        for (long i = 0; i < m; i++) d[i] -= top, peak += d[i] == 0 ? 1.0 : 0.0, mean += d[i];
        peak /= m, mean /= m;
        long thin = m < MANY ? 1 : m / FEW; /* it serves the first guess only */
        for (long i = 0; i < m; i += thin) variance += (d[i] - mean) * (d[i] - mean);
        variance *= (double)thin / m;
    } else {
        for (long i = 0; i < m; i++) d[i] -= top, peak += d[i] == 0 ? p[i] : 0.0, mean += p[i] * d[i];
        for (long i = 0; i < m; i++) variance += p[i] * (d[i] - mean) * (d[i] - mean);
    }
#ifdef FAMILY_F
    if (equal) alone[0] = f_slope((double)m, k);
    else for (long i = 0; i < m; i++) alone[i] = f_slope(1.0 / p[i], k);
#endif
    if (!b.c) b.ceiling = ceiling_of(&b, peak); /* with costs it is an optimisation of its own */
    b.mean = mean;
    int saturated = radius >= b.ceiling || (b.spread == 0 && !b.c), used = 0, settled = 0;
    double *compact = m == n ? w : spare;
    double log_mu = 0.5 * log(fmax(variance, TINY) / (2.0 * radius));
#ifdef FAMILY_RENYI
    Near near = {0, {0, 0, 0, 0, 0, 0}, compact, 0};
    double far = exp(log_mu) / k[0] + mean, sigma = far > 0 ? log(far) : log_mu - log(2.0 * k[0]);
#else
    double shift = -INFINITY;
#endif
#ifdef FAMILY_F
    if (b.c && kappa > 0) { /* whether the penalty alone keeps it in the ball */
        Step step = reweight(&b, 1.0 / kappa, shift);
        if (!step.good) return DECLINED;
        if (step.spent <= radius) log_mu = log(kappa), shift = step.shift, settled = 1;
    }
#endif
    if (!saturated && !settled) {
        if (m >= MANY) {
            double *pd = spare, *pp = spare + FEW + 8, *pa = spare + 2 * FEW + 16, *pc = spare + 3 * FEW + 24;
            long few = sketch(&b, pd, pp, pc);
            double part_top = -INFINITY, part_low = 0, part_peak = 0;
            for (long i = 0; i < few; i++) part_top = pd[i] > part_top ? pd[i] : part_top;
            for (long i = 0; i < few; i++) {
                pd[i] -= part_top, part_low = pd[i] < part_low ? pd[i] : part_low;
                part_peak += pd[i] == 0 ? pp[i] : 0.0;
#ifdef FAMILY_F
                pa[i] = f_slope(1.0 / pp[i], k);
#endif
            }
            Batch part = {few, pd, pp, pa, NULL, NULL, 0.0, -part_low, INFINITY, mean - part_top, k, b.c ? pc : NULL,
                          b.dear};
            if (!b.c) part.ceiling = ceiling_of(&part, part_peak);
            int ignored = 0, found = part.spread > 0 && radius < part.ceiling;
#ifdef FAMILY_RENYI
            double first = sigma;
            Near there = {0, {0, 0, 0, 0, 0, 0}, w, 0};
            if (found && search(&part, radius, 0.0, 1e-3, 20, &first, &there, &ignored)) {
                double reach = exp(first) + part_top; /* rho - max l */
                sigma = reach > 0 ? log(reach) : first;
            }
#else
            double first = log_mu, first_shift = shift;
            if (found && search(&part, radius, 1e-3, 12, &first, &first_shift, &ignored))
                log_mu = first, shift = first_shift + part_top * exp(-first) * (isfinite(first_shift) ? 1.0 : 0.0);
#endif
#ifdef FAMILY_KL
            double tolerance = fmax(2e-6, 4e-7 / radius);
            if (radius > 1e-3) {
                float *d32 = (float *)spare, *p32 = d32 + m;
                for (long i = 0; i < m; i++) d32[i] = (float)d[i];
                if (!equal) for (long i = 0; i < m; i++) p32[i] = (float)p[i];
                b.d32 = d32, b.p32 = p32;
                first = log_mu;
                if (search(&b, radius, tolerance, 8, &first, &shift, &ignored)) log_mu = first;
                b.d32 = b.p32 = NULL;
            }
#endif
        }
        /* an error of the multiplier enters the value by its square */
#if defined FAMILY_KL
        double tolerance = m < MANY ? 2e-14 : single ? 2e-7 : 1e-9;
        if (!search(&b, radius, tolerance, 4 * iterations, &log_mu, &shift, &used)) return DECLINED;
#elif defined FAMILY_RENYI
        if (!search(&b, radius, 0.0, 1e-5, 4 * iterations, &sigma, &near, &used)) return DECLINED;
#else
        double tolerance = m < MANY ? 1e-10 : single ? 2e-7 : 1e-9;
        if (!search(&b, radius, tolerance, 4 * iterations, &log_mu, &shift, &used)) return DECLINED;
#endif
    }
    for (long i = 0; !equal && m < n && i < n; i++) w[i] = 0.0;
#ifdef FAMILY_RENYI
    Sums sum = {0, 0, 0, 0, 0, 0};
    Place at = {0, 0, 0, -INFINITY, 0};
    if (!saturated) sum = masses(&b, sigma, &near), at = place_of(&b, sum, sigma);
    double mu0 = exp(at.log_mu);
    if (mu0 < kappa) { /* lambda* = 0: the penalty alone says how far to go */
        sigma = saturated ? log(fmax(kappa / k[0] + mean, 0.5 * kappa / k[0])) : sigma;
        if (b.spread > 0 && !search(&b, 0.0, log(kappa), 3e-6, 4 * iterations, &sigma, &near, &used)) return DECLINED;
        sum = masses(&b, sigma, &near), at = place_of(&b, sum, sigma);
    }
#else
    double mu0 = saturated || settled ? 0.0 : exp(log_mu);
#endif
    double mu = fmax(mu0, kappa), spent, moved, tilted = 0;
    if (s) memset(s, 0, n * sizeof *s);
    if (v) memset(v, 0, n * sizeof *v);
    out[4] = 0.0;
    if (mu > 0) {
        double theta = 1.0 / mu, free_shift;
#ifdef FAMILY_KL
        Sums sum = sums(&b, theta, compact);
        double unit = (equal ? b.uniform : 1.0) / sum.mass, l = log_mass(sum);
        for (long i = 0; i < m; i++) compact[i] *= unit;
        moved = sum.first / sum.mass;
        spent = theta * moved - l;
        free_shift = l - 1.0 - base;
        tilted = base;
        if (s) for (long i = 0; i < m; i++) s[equal ? i : place[i]] = compact[i];
#endif
#ifdef FAMILY_RENYI
        double a = k[0], mass = sum.mass, c = -exp(-sigma);
        double rest = 0, mean_k = 0, off = exp(at.log_mu) / mu - 1.0;
        moved = drawn_of(sum) / (mass * c);
        spent = at.spent;
        free_shift = exp(sigma) * theta;
        if (s) {
            double wa = exp(a * log(mass)), inner = exp(-a * (a - 1.0) * spent), scale = 1.0 / (wa * inner);
            for (long i = 0; i < m; i++) {
                double r = compact[i] / (1.0 + d[i] * c);
                rest += r, mean_k += r * (1.0 + d[i] * c);
            }
            mean_k /= rest;
            for (long i = 0; i < m; i++) {
                double kk = 1.0 + d[i] * c;
                long to = equal ? i : place[i];
                s[to] = scale * compact[i] / kk;
                v[to] = -wa / a * (kk - mean_k);
            }
            out[4] = -a * (a - 1.0) * inner * inner;
        }
#endif
#ifdef FAMILY_F
        Step step = reweight(&b, theta, isfinite(shift) ? shift * exp(log_mu) * theta : shift);
        if (!step.good) return DECLINED;
        /* with costs the reference itself may lie outside the ball: nothing to mix with, so go inside */
        for (int i = 0; b.c && step.spent > radius && i < 8; i++) {
            mu *= exp((step.spent - radius) / step.answer + (i ? 1e-15 * exp(3.0 * i) : 0.0));
            theta = 1.0 / mu;
            step = reweight(&b, theta, step.shift);
            if (!step.good || !isfinite(mu)) return DECLINED;
        }
        if (b.c && step.spent > radius * (1.0 + 4e-15)) return DECLINED;
        double mass = 0;
        for (long i = 0; i < m; i++) {
            double y = d[i] * theta - (b.c ? b.c[i] : 0.0) - step.shift;
            compact[i] = mass_of(&b, i) * f_density(y, k), mass += compact[i];
            if (s) s[equal ? i : place[i]] = mass_of(&b, i) * answer_of(y, k);
        }
        moved = 0;
#pragma omp simd reduction(+ : moved)
        for (long i = 0; i < m; i++) compact[i] /= mass, moved += compact[i] * d[i];
        spent = step.spent;
        free_shift = step.shift;
#endif
        out[2] = top + mu * free_shift;
        /* Of two equal forms the one without cancellation: with lambda = 0 the radius drops out altogether. */
#ifdef FAMILY_KL
        out[0] = top + (mu * l + (mu > kappa ? (mu - kappa) * radius : 0.0) - kappa * tilted);
#else
        out[0] = top + moved - (mu <= kappa ? mu * spent : mu * (spent - radius) + kappa * radius);
#ifdef FAMILY_RENYI
        out[0] += mu / a * (off - log1p(off)); /* rho is the best for exp(at.log_mu), next to mu */
#endif
#endif
    } else {
        moved = 0, tilted = base;
        spent = b.spread == 0 ? 0.0 : b.ceiling;
        for (long i = 0; i < m; i++) compact[i] = d[i] == 0 ? mass_of(&b, i) / peak : 0.0;
        out[0] = top;
        out[2] = top;
    }
    double share = spent > radius && !b.c ? radius / spent : 1.0;
    double primal = top + (share < 1.0 ? mean + share * (moved - mean) : moved) - kappa * (share * spent + tilted);
    if (m < n) for (long i = 0; i < m; i++) w[place[i]] = compact[i];
    double gap = out[0] - primal, scale = fabs(top) + b.spread + kappa * (1.0 + spent + tilted);
    out[1] = fmax(mu - kappa, 0.0);
    out[3] = gap;
    out[5] = mu;
    return isfinite(scale) && fabs(gap) <= 1e-9 * scale ? 2 * used + (mu <= kappa) : DECLINED;
}
