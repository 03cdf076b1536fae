# Reference answers for tieout.analysis.monitoring, with R's base and stats packages only:
#   Rscript monitoring.R > monitoring.json
# Each check names the function asked, its arguments, the R call and R's answer; null stands for NA.

# Exact limits: the root of the tail, which the incomplete beta and gamma functions continue between whole numbers.
root <- function(f, top) uniroot(f, c(1e-12, top), tol = 1e-13, maxiter = 10000)$root
high_rate <- Vectorize(function(n, rate, a) {
  if (rate^n < a) root(function(k) pbeta(rate, k, n - k + 1) - a, n) / n else NA
})
low_rate <- Vectorize(function(n, rate, a) {
  if ((1 - rate)^n < a) root(function(k) pbeta(1 - rate, n - k, k + 1) - a, n - 1e-12) / n else NA
})
high_ratio <- Vectorize(function(e, a) root(function(k) pgamma(e, k) - a, 10 * e + 100) / e)
low_ratio <- Vectorize(function(e, a) {
  if (exp(-e) < a) root(function(k) pgamma(e, k + 1, lower.tail = FALSE) - a, e) / e else NA
})

# Spiegelhalter 2005, one line per step.
winsorised <- function(z) { q <- quantile(z, c(0.1, 0.9), names = FALSE); pmin(pmax(z, q[1]), q[2]) }
phi <- function(z) sum(winsorised(z)^2) / length(z)
moments <- function(y, target, s) {
  I <- length(y); p <- phi((y - target) / s); w <- 1 / s^2
  c(p, if (I >= 10 && I * p >= I - 1) (I * p - (I - 1)) / (sum(w) - sum(w^2) / sum(w)) else 0)
}
spread_low_rate <- function(n, rate, a, tau2) {
  angle <- asin(sqrt(rate)) - qnorm(1 - a) * sqrt(1 / (4 * n) + tau2)
  ifelse(angle > 0, pmin(low_rate(n, rate, a), sin(angle)^2), NA)
}
spread_high_rate <- function(n, rate, a, tau2) {
  angle <- asin(sqrt(rate)) + qnorm(1 - a) * sqrt(1 / (4 * n) + tau2)
  ifelse(angle < pi / 2, pmax(high_rate(n, rate, a), sin(angle)^2), NA)
}
spread_low_ratio <- function(e, a, tau2) {
  root <- 1 - qnorm(1 - a) * sqrt(1 / (4 * e) + tau2)
  ifelse(root > 0, pmin(low_ratio(e, a), root^2), NA)
}
spread_high_ratio <- function(e, a, tau2) {
  pmax(high_ratio(e, a), (1 + qnorm(1 - a) * sqrt(1 / (4 * e) + tau2))^2)
}

# Anhoej's rules: useful, longest run, allowed, crossings, needed, shift, few crossings.
anhoej <- function(values, centre) {
  side <- sign(values - centre); side <- side[!is.na(side) & side != 0]
  n <- length(side); runs <- rle(side)$lengths; crossings <- length(runs) - 1
  allowed <- round(log2(n) + 3); needed <- qbinom(0.05, n - 1, 0.5)
  c(n, max(runs), allowed, crossings, needed, max(runs) > allowed, crossings < needed)
}

number <- function(x) ifelse(is.na(x), "null", sprintf("%.17g", x))
json <- function(x) {
  if (is.list(x) && is.null(names(x))) paste0("[", paste(vapply(x, json, ""), collapse = ", "), "]")
  else if (is.list(x)) paste0("{", paste0("\"", names(x), "\": ", vapply(x, json, ""), collapse = ", "), "}")
  else if (is.character(x)) paste0("\"", x, "\"")
  else if (length(x) == 1) number(as.numeric(x))
  else paste0("[", paste(number(as.numeric(x)), collapse = ", "), "]")
}
checks <- list()
check <- function(of, args, r_call) {
  answer <- eval(parse(text = r_call), args, globalenv())
  checks[[length(checks) + 1]] <<- json(list(of = of, args = args, r_call = r_call, expected = answer))
}

sizes <- c(1, 2, 5, 6, 20, 78, 137, 500, 3000, 100000)
for (rate in c(0.004, 0.05, 0.31, 0.5, 0.83, 0.99)) for (level in c(0.95, 0.998)) {
  args <- list(n = sizes, rate = rate, level = level)
  check("binomial_limits", args, "list(low_rate(n, rate, (1 - level) / 2), high_rate(n, rate, (1 - level) / 2))")
  check("whole_binomial_limits", args,
        "list(qbinom((1 - level) / 2, n, rate), qbinom((1 - level) / 2, n, rate, lower.tail = FALSE))")
  check("rate_limits", c(args, tau2 = 0.004),
        "list(spread_low_rate(n, rate, (1 - level) / 2, tau2), spread_high_rate(n, rate, (1 - level) / 2, tau2))")
}
expected <- c(0.01, 0.3, 1, 2.7, 3.7, 6.2, 20, 141.5, 3000)
for (level in c(0.95, 0.998)) {
  args <- list(expected = expected, level = level)
  check("poisson_limits", args, "list(low_ratio(expected, (1 - level) / 2), high_ratio(expected, (1 - level) / 2))")
  check("whole_poisson_limits", args,
        "list(qpois((1 - level) / 2, expected), qpois((1 - level) / 2, expected, lower.tail = FALSE))")
  check("ratio_limits", c(args, tau2 = 0.02),
        "list(spread_low_ratio(expected, (1 - level) / 2, tau2), spread_high_ratio(expected, (1 - level) / 2, tau2))")
}

x <- c(0, 1, 0, 3, 6, 12, 52, 480, 30500); n <- c(1, 1, 20, 6, 6, 20, 78, 500, 100000)
for (rate in c(0, 0.02, 0.31, 0.6, 1)) {
  check("tails_binomial", list(x = x, n = n, rate = rate),
        "list(pbinom(x, n, rate), pbinom(x - 1, n, rate, lower.tail = FALSE))")
}
binom_p <- Vectorize(function(x, n, rate, side) binom.test(x, n, rate, side)$p.value)
check("tails_binomial", list(x = x, n = n, rate = 0.31),
      "list(binom_p(x, n, rate, 'less'), binom_p(x, n, rate, 'greater'))")

o <- c(0, 0, 1, 3, 9, 20, 131, 3100); e <- c(0.2, 5.5, 1.4, 8.25, 3.1, 20, 141.5, 3000)
poisson_p <- Vectorize(function(o, e, side) poisson.test(o, r = e, alternative = side)$p.value)
check("tails_poisson", list(o = o, e = e), "list(ppois(o, e), ppois(o - 1, e, lower.tail = FALSE))")
check("tails_poisson", list(o = o, e = e), "list(poisson_p(o, e, 'less'), poisson_p(o, e, 'greater'))")
garwood <- Vectorize(function(o, e, level, end) poisson.test(o, e, conf.level = level)$conf.int[end])
for (level in c(0.95, 0.998)) {
  check("observed_expected", list(o = o, e = e, level = level),
        "list(o / e, garwood(o, e, level, 1), garwood(o, e, level, 2))")
}

set.seed(2005)
quiet <- list(x = rbinom(30, 60, 0.4), n = rep(60, 30), rate = 0.4)
size <- sample(15:400, 40)
loud <- list(x = rbinom(40, size, plogis(rnorm(40, -0.4, 0.5))), n = size, rate = 0.4)
few <- list(x = loud$x[1:9], n = loud$n[1:9], rate = 0.4)
ten <- list(x = loud$x[1:10], n = loud$n[1:10], rate = 0.4)
for (sites in list(quiet, loud, few, ten)) {
  check("overdispersion_of_rates", sites, "moments(asin(sqrt(x / n)), asin(sqrt(rate)), 1 / (2 * sqrt(n)))")
}
e <- round(runif(25, 2, 90), 2)
ratios <- list(o = rpois(25, e * exp(rnorm(25, 0, 0.3))), e = e)
check("overdispersion_of_ratios", ratios, "moments(sqrt(o / e), 1, 1 / (2 * sqrt(e)))")
z <- round(rnorm(37, 0, 1.6), 3)
check("overdispersion", list(z = z), "c(phi(z), length(z) * phi(z) > length(z) - 1)")
s <- round(runif(15, 0.02, 0.2), 3)
check("additive_variance", list(values = round(rnorm(15, 1, 0.25), 3), target = 1, standard_errors = s),
      "moments(values, target, standard_errors)")

noise <- round(rnorm(24, 75, 12)); shifted <- c(round(rnorm(14, 75, 12)), round(rnorm(12, 55, 6)))
on_the_centre <- c(70, 80, rep(75, 5), rep(c(90, 91), 4)); long <- round(rnorm(300, 75, 12))
for (values in list(noise, shifted, sort(noise), rep(c(60, 75, 90), 8), on_the_centre, long)) {
  check("anhoej", list(values = values, centre = 75), "anhoej(values, centre)")
}
n <- c(10:40, 100, 181, 182, 1000, 12345)
check("anhoej_limits", list(n = n), "list(round(log2(n) + 3), qbinom(0.05, n - 1, 0.5))")

cat("{\n\"made_by\": ", json(R.version.string), ",\n", sep = "")
cat("\"checks\": [\n", paste(checks, collapse = ",\n"), "\n]\n}\n", sep = "")
