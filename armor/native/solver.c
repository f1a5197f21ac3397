/* One objective on one batch: the method of armor/objectives/reweighting.py without its general cases.

   Losses without soft costs (KL takes costs, which only tilt its reference); the caller defines one of FAMILY_KL,
   FAMILY_RENYI, FAMILY_F. elementary.h precedes this text, and for FAMILY_F the functions f_value, f_slope,
   f_density, f_response, printed by theory/backends/c_source.py from the one SymPy expression.

   The solver certifies its own answer. Whatever it does not cover (bad input, no convergence) returns DECLINED,
   and the general solver takes over. */
#define DECLINED -1

#define TINY 1e-300
#define FEW 2048     /* samples that the first search looks at, */
#define MANY 8192    /* from this size on */

typedef struct {
    long n;
    const double *d, *p, *alone; /* losses minus their maximum, masses, f'(1/p) */
    const float *d32, *p32;      /* single-precision copies for the first steps at large n, or NULL */
    double uniform;              /* 1/n where all masses are equal (p is then not read), else 0 */
    double spread, ceiling, mean;
    const double *k;             /* constants of the family */
} Batch;

typedef struct {
    double shift;  /* (rho - max l)/mu */
    double spent;  /* divergence of the worst re-weighting */
    double answer; /* a'Ma, minus the derivative of `spent` in log mu */
    int good;
} Step;

INLINE double mass_of(const Batch *b, long i) { return b->uniform > 0 ? b->uniform : b->p[i]; }

#ifdef FAMILY_KL
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
/* k[0] = alpha. u = w/p up to a factor, v = log(z/x), z = x - h: u = exp(-v/alpha). */
typedef struct { double less, more, m0, n1, n2, m2; } Sums;

INLINE Sums sums_of(const Batch *b, double theta, double x, const int equal) {
    double less = 0, more = 0, m0 = 0, n1 = 0, n2 = 0, m2 = 0, inverse = 1.0 / b->k[0], rest = 1.0 - inverse;
    const double *restrict d = b->d, *restrict p = b->p;
    double c = -theta / x;
#pragma omp simd reduction(+ : less, more, m0, n1, n2, m2)
    for (long i = 0; i < b->n; i++) {
        double q = equal ? 1.0 : p[i], k1 = d[i] * c, v = k_log1p(k1), scale;
        double down = expm1_scaled(-v * inverse, &scale);
        down += scale - 1.0;
        double up = expm1_scaled(v * rest, &scale); /* u k - 1 */
        up += scale - 1.0;
        double r = q * (1.0 + down) / (1.0 + k1);
        less += q * down;
        more += q * up;
        m0 += r;
        n1 += r * k1;
        n2 += r * k1 * k1;
        m2 += q * (1.0 + up);
    }
    double s = equal ? b->uniform : 1.0;
    return (Sums){less * s, more * s, m0 * s, n1 * s, n2 * s, m2 * s};
}

static Sums sums(const Batch *b, double theta, double x) {
    return b->uniform > 0 ? sums_of(b, theta, x, 1) : sums_of(b, theta, x, 0);
}

static Step reweight(const Batch *b, double theta, double warm) {
    double a = b->k[0], inverse = 1.0 / a, peak = b->k[1], high = -log(a), low = -690.0;
    if (a > 1.0) {
        double powers = pow(inverse + theta * b->spread, 1.0 - inverse);
        double bound = a * log((peak > TINY ? peak : TINY) / (2.0 * a * (powers > TINY ? powers : TINY)));
        double least = -log(2.0 * a);
        low = bound < least ? bound : least;
        low = low > -690.0 ? low : -690.0;
    }
    double x = isfinite(warm) ? warm : inverse + theta * b->mean;
    x = x > 0 && x < inverse ? x : 0.5 * inverse;
    double log_x = log(x), last = high - low;
    Step out = {0, 0, 0, 0};
    Sums s = {0};
    for (int i = 0; i < 80; i++) {
        x = exp(log_x);
        s = sums(b, theta, x);
        double mass = 1.0 + s.less, ez = x * s.m2 / mass, eq = s.m0 / (x * mass), excess = log(ez * a);
        if (excess < 0) low = log_x; else high = log_x;
        double slope = (1.0 + inverse * (ez * eq - 1.0)) * x / ez, newton = log_x - excess / slope;
        if (fabs(excess) <= (b->n < MANY ? 2e-13 : 1e-11) || high - low <= 3e-16 * fabs(log_x) || newton == log_x) {
            out.good = fabs(excess) <= 1e-9;
            break;
        }
        double next = newton > low && newton < high && fabs(newton - log_x) <= 0.5 * last ? newton : 0.5 * (low + high);
        last = fabs(next - log_x);
        log_x = next;
    }
    double log_mass = s.less > -0.5 ? log1p(s.less) : log(1.0 + s.less), scale = a * (a - 1.0);
    double reach = (s.more > -0.5 ? log1p(s.more) : log(1.0 + s.more)) + (a - 1.0) * log_mass;
    out.shift = x;
    out.spent = reach / scale;
    /* t = u/mass; s = p t^(alpha+1)/G', v = (1 - t^-alpha)/alpha, see armor/objectives/renyi.py */
    double wa = exp(a * log_mass), inner = exp(-reach), c = exp(-(a + 1.0) * log_mass) / inner;
    double gamma = -scale * inner * inner, spread = s.n2 - s.n1 * s.n1 / s.m0;
    double cross = c * wa * x * spread / a, bend = c * wa * wa * spread / (a * a);
    out.answer = c * x * x * spread - gamma * cross * cross / (1.0 + gamma * bend);
    return out;
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

INLINE void masses_of(const Batch *b, double theta, double r, double *mass, double *slope, const int equal) {
    double m = 0, s = 0;
    const double *restrict d = b->d, *restrict p = b->p, *restrict k = b->k;
#pragma omp simd reduction(+ : m, s)
    for (long i = 0; i < b->n; i++) {
        double q = equal ? 1.0 : p[i], y = d[i] * theta - r;
        m += q * f_density(y, k);
        s += q * answer_of(y, k);
    }
    double u = equal ? b->uniform : 1.0;
    *mass = m * u;
    *slope = s * u;
}

INLINE Step moments_of(const Batch *b, double theta, double r, double mass, const int equal) {
    double spent = 0, s0 = 0, s1 = 0, s2 = 0, inverse = 1.0 / mass;
    const double *restrict d = b->d, *restrict p = b->p, *restrict k = b->k;
#pragma omp simd reduction(+ : spent, s0, s1, s2)
    for (long i = 0; i < b->n; i++) {
        double q = equal ? 1.0 : p[i], a = d[i] * theta, y = a - r;
        double s = q * answer_of(y, k);
        spent += q * centred(f_density(y, k) * inverse, k);
        s0 += s;
        s1 += s * a;
        s2 += s * a * a;
    }
    double u = equal ? b->uniform : 1.0;
    return (Step){r, spent * u, u * (s2 - s1 * s1 / s0), s0 > 0};
}

static Step reweight(const Batch *b, double theta, double warm) {
    double a = b->k[0], high = -a, least = -b->spread * theta - a, low = -INFINITY, r, mass = 0, slope = 0;
    if (b->uniform > 0) {
        low = -b->alone[0];
    } else {
        const double *restrict d = b->d, *restrict alone = b->alone;
#pragma omp simd reduction(max : low)
        for (long i = 0; i < b->n; i++) {
            double bound = d[i] * theta - alone[i];
            low = bound > low ? bound : low;
        }
    }
    low = low > least ? low : least;
    r = isfinite(warm) ? warm : theta * b->mean - a;
    r = r > low && r < high ? r : 0.5 * (low + high);
    double last = high - low;
    int good = 0;
    for (int i = 0; i < 80; i++) {
        if (b->uniform > 0) masses_of(b, theta, r, &mass, &slope, 1);
        else masses_of(b, theta, r, &mass, &slope, 0);
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
    Step out = b->uniform > 0 ? moments_of(b, theta, r, mass, 1) : moments_of(b, theta, r, mass, 0);
    out.good = out.good && good;
    return out;
}

static double ceiling_of(const Batch *b, double peak) {
    return peak * centred(1.0 / peak, b->k) + (peak < 1.0 ? (1.0 - peak) * centred(0.0, b->k) : 0.0);
}
#endif

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

/* Returns the steps taken times two, plus one where lambda* = 0; or DECLINED.

   losses: n doubles (or floats, `single`).  weights: masses up to a factor, or NULL for equal ones.
   costs: n, or NULL.  k: constants of the family.  work: 5 n + 64 doubles.
   w, s, v: n each, the worst masses and how they answer (s and v may be NULL).
   out: value, lambda, rho, gap, gamma of the rank-one term, mu. */
int armor_solve(long n, const void *losses, int single, const double *weights, const double *costs, double epsilon,
                double kappa, int iterations, double *k, double *work, double *w, double *s, double *v, double *out) {
    double *d = work, *p = work + n, *alone = work + 2 * n, *spare = work + 3 * n;
    int64_t *place = (int64_t *)(work + 4 * n);
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
                nearest = costs[i] < nearest ? costs[i] : nearest;
            }
        }
        if (!(total > 0) || !isfinite(total) || (costs && !isfinite(nearest))) return DECLINED;
        double kept = 0, lost = 0;
        m = 0;
        for (long i = 0; i < n; i++) {
            double q = (weights ? weights[i] : 1.0) / total, l = single ? l32[i] : l64[i];
            if (q > 0 && costs) {
                lost += q * expm1(nearest - costs[i]);
                q *= exp(nearest - costs[i]);
                kept += q;
            }
            if (q > 0) {
                odd += l * 0.0;
                d[m] = l, p[m] = q, place[m++] = i;
                top = l > top ? l : top, bottom = l < bottom ? l : bottom;
            }
        }
        if (costs) {
            for (long i = 0; i < m; i++) p[i] /= kept;
            base = nearest - (lost > -0.5 ? log1p(lost) : log(kept));
        }
    }
    double radius = epsilon - base;
    if (odd != 0 || m == 0 || !(radius > 0)) return DECLINED;
    Batch b = {m, d, p, alone, NULL, NULL, equal ? 1.0 / m : 0.0, top - bottom, INFINITY, 0.0, k};
    double peak = 0, mean = 0, variance = 0;
    if (equal) {
#pragma omp simd reduction(+ : peak, mean)
        for (long i = 0; i < m; i++) d[i] -= top, peak += d[i] == 0 ? 1.0 : 0.0, mean += d[i];
        peak /= m, mean /= m;
#pragma omp simd reduction(+ : variance)
        for (long i = 0; i < m; i++) variance += (d[i] - mean) * (d[i] - mean);
        variance /= m;
    } else {
        for (long i = 0; i < m; i++) d[i] -= top, peak += d[i] == 0 ? p[i] : 0.0, mean += p[i] * d[i];
        for (long i = 0; i < m; i++) variance += p[i] * (d[i] - mean) * (d[i] - mean);
    }
#ifdef FAMILY_RENYI
    k[1] = peak;
#endif
#ifdef FAMILY_F
    if (equal) alone[0] = f_slope((double)m, k);
    else for (long i = 0; i < m; i++) alone[i] = f_slope(1.0 / p[i], k);
#endif
    b.ceiling = ceiling_of(&b, peak);
    b.mean = mean;
    int saturated = radius >= b.ceiling || b.spread == 0, used = 0;
    double log_mu = 0.5 * log(fmax(variance, TINY) / (2.0 * radius)), shift = -INFINITY;
    if (!saturated) {
        if (m >= MANY) {
            long step = m / FEW, few = 0;
            double part_top = -INFINITY, part_low = 0, sum = 0, part_peak = 0;
            double *pd = spare, *pp = spare + FEW + 8, *pa = spare + 2 * FEW + 16;
            for (long i = 0; i < m && few < FEW; i += step, few++) {
                pd[few] = d[i], pp[few] = equal ? 1.0 : p[i], sum += pp[few];
                part_top = d[i] > part_top ? d[i] : part_top;
            }
            for (long i = 0; i < few; i++) {
                pd[i] -= part_top, pp[i] /= sum, part_low = pd[i] < part_low ? pd[i] : part_low;
                part_peak += pd[i] == 0 ? pp[i] : 0.0;
#ifdef FAMILY_F
                pa[i] = f_slope(1.0 / pp[i], k);
#endif
            }
            Batch part = {few, pd, pp, pa, NULL, NULL, equal ? 1.0 / few : 0.0, -part_low, INFINITY, mean - part_top, k};
#ifdef FAMILY_RENYI
            k[1] = part_peak;
#endif
            part.ceiling = ceiling_of(&part, part_peak);
            double first = log_mu, first_shift = shift;
            int ignored = 0;
            if (part.spread > 0 && radius < part.ceiling && search(&part, radius, 1e-3, 12, &first, &first_shift, &ignored))
                log_mu = first, shift = first_shift + part_top * exp(-first) * (isfinite(first_shift) ? 1.0 : 0.0);
#ifdef FAMILY_RENYI
            k[1] = peak;
            shift = first_shift;
#endif
#ifdef FAMILY_KL
            if (radius > 1e-3) {
                float *d32 = (float *)spare, *p32 = d32 + m;
                for (long i = 0; i < m; i++) d32[i] = (float)d[i];
                if (!equal) for (long i = 0; i < m; i++) p32[i] = (float)p[i];
                b.d32 = d32, b.p32 = p32;
                first = log_mu;
                if (search(&b, radius, fmax(2e-6, 4e-7 / radius), 8, &first, &shift, &ignored)) log_mu = first;
                b.d32 = b.p32 = NULL;
            }
#endif
        }
        /* an error of the multiplier enters the value by its square */
#ifdef FAMILY_KL
        double tolerance = m < MANY ? 2e-14 : single ? 2e-7 : 1e-9;
#else
        double tolerance = m < MANY ? 1e-10 : single ? 2e-7 : 1e-9;
#endif
        if (!search(&b, radius, tolerance, 4 * iterations, &log_mu, &shift, &used)) return DECLINED;
    }
    double mu0 = saturated ? 0.0 : exp(log_mu), mu = fmax(mu0, kappa), spent, moved, tilted = 0;
    for (long i = 0; !equal && m < n && i < n; i++) w[i] = 0.0;
    double *compact = m == n ? w : spare;
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
        Step step = reweight(&b, theta, shift * exp(log_mu) * theta);
        if (!step.good) return DECLINED;
        double a = k[0], c = -theta / step.shift, mass = 0, rest = 0, mean_k = 0;
#pragma omp simd reduction(+ : mass)
        for (long i = 0; i < m; i++) {
            double scale, u = expm1_scaled(-k_log1p(d[i] * c) / a, &scale) + scale;
            compact[i] = mass_of(&b, i) * u;
            mass += compact[i];
        }
        moved = 0;
#pragma omp simd reduction(+ : moved)
        for (long i = 0; i < m; i++) compact[i] /= mass, moved += compact[i] * d[i];
        spent = step.spent;
        free_shift = step.shift;
        if (s) {
            double wa = exp(a * log(mass)), inner = exp(-a * (a - 1.0) * spent), scale = 1.0 / (wa * inner);
            for (long i = 0; i < m; i++) {
                double r = compact[i] / (1.0 + d[i] * c);
                rest += r, mean_k += r * (1.0 + d[i] * c);
            }
            mean_k /= rest;
            for (long i = 0; i < m; i++) {
                double kk = 1.0 + d[i] * c;
                long at = equal ? i : place[i];
                s[at] = scale * compact[i] / kk;
                v[at] = -wa / a * (kk - mean_k);
            }
            out[4] = -a * (a - 1.0) * inner * inner;
        }
#endif
#ifdef FAMILY_F
        Step step = reweight(&b, theta, isfinite(shift) ? shift * exp(log_mu) * theta : shift);
        if (!step.good) return DECLINED;
        double mass = 0;
#pragma omp simd reduction(+ : mass)
        for (long i = 0; i < m; i++) compact[i] = mass_of(&b, i) * f_density(d[i] * theta - step.shift, k), mass += compact[i];
        moved = 0;
#pragma omp simd reduction(+ : moved)
        for (long i = 0; i < m; i++) compact[i] /= mass, moved += compact[i] * d[i];
        spent = step.spent;
        free_shift = step.shift;
        if (s) for (long i = 0; i < m; i++) s[equal ? i : place[i]] = mass_of(&b, i) * answer_of(d[i] * theta - step.shift, k);
#endif
        out[2] = top + mu * free_shift;
        /* Of two equal forms the one without cancellation: with lambda = 0 the radius drops out altogether. */
#ifdef FAMILY_KL
        out[0] = top + (mu * l + (mu - kappa) * radius - kappa * tilted);
#else
        out[0] = top + moved - (mu <= kappa ? mu * spent : mu * (spent - radius) + kappa * radius);
#endif
    } else {
        moved = 0, tilted = base;
        spent = b.spread == 0 ? 0.0 : b.ceiling;
        for (long i = 0; i < m; i++) compact[i] = d[i] == 0 ? mass_of(&b, i) / peak : 0.0;
        out[0] = top;
        out[2] = top;
    }
    double share = spent > radius ? radius / spent : 1.0;
    double primal = top + (share < 1.0 ? mean + share * (moved - mean) : moved) - kappa * (share * spent + tilted);
    if (m < n) for (long i = 0; i < m; i++) w[place[i]] = compact[i];
    double gap = out[0] - primal, scale = fabs(top) + b.spread + kappa * (1.0 + epsilon);
    out[1] = fmax(mu - kappa, 0.0);
    out[3] = gap;
    out[5] = mu;
    return fabs(gap) <= 1e-9 * scale ? 2 * used + (mu <= kappa) : DECLINED;
}
