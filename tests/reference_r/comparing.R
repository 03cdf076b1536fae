# Reference answers for tieout.analysis.stratified, paired, propensity, imputation, adjusted and sensitivity:
#   Rscript comparing.R > comparing.json
# Packages: base R and stats; metafor (Mantel-Haenszel), coin (exact signed ranks with ties), survey (sandwich variance),
# mice (pooling). Data: R's own UCBAdmissions, sleep and esoph (datasets, part of R, GPL-2), and birthwt (MASS, GPL-2 or 3;
# Hosmer & Lemeshow 1989), which lies in ../reference/birthwt.csv; this file
# writes birthwt_missing.csv, the same with values taken away.
# Each check names the function asked, its arguments, the R call and R's answer; null stands for NA.
suppressMessages({library(metafor); library(coin); library(survey); library(mice)})

number <- function(x) ifelse(is.na(x), "null", sprintf("%.17g", x))
json <- function(x) {
  if (is.list(x) && is.null(names(x))) paste0("[", paste(vapply(x, json, ""), collapse = ", "), "]")
  else if (is.list(x)) paste0("{", paste0("\"", names(x), "\": ", vapply(x, json, ""), collapse = ", "), "}")
  else if (is.character(x) && length(x) > 1) paste0("[", paste(vapply(x, json, ""), collapse = ", "), "]")
  else if (is.character(x)) paste0("\"", gsub("\n", "\\\\n", x), "\"")
  else if (is.logical(x)) ifelse(x, "true", "false")
  else if (length(x) == 1) number(as.numeric(x))
  else paste0("[", paste(number(as.numeric(x)), collapse = ", "), "]")
}
checks <- list()
check <- function(of, args, r_call, given = args) {
  answer <- eval(parse(text = r_call), given, globalenv())
  checks[[length(checks) + 1]] <<- json(list(of = of, args = args, r_call = r_call, expected = answer))
}

# Strata: a, b the events and others of the first group; c, d those of the second.
ucb <- list(a = UCBAdmissions[1, 1, ], b = UCBAdmissions[2, 1, ], c = UCBAdmissions[1, 2, ], d = UCBAdmissions[2, 2, ])
ucb <- lapply(ucb, as.numeric)
low <- read.csv("../reference/birthwt.csv")
cells <- function(group, event) sapply(split(low, low$race), function(s) sum(s$smoke == group & s$low == event))
smoke <- list(a = cells(1, 1), b = cells(1, 0), c = cells(0, 1), d = cells(0, 0))
smoke <- lapply(smoke, unname)
drink <- with(esoph, {
  heavy <- alcgp %in% c("80-119", "120+")
  f <- function(which, what) as.numeric(tapply(what * (heavy == which), agegp, sum))
  list(a = f(TRUE, ncases), b = f(TRUE, ncontrols), c = f(FALSE, ncases), d = f(FALSE, ncontrols))
})
sparse <- list(a = c(3, 0, 1, 2, 0), b = c(1, 2, 0, 5, 1), c = c(1, 1, 0, 0, 0), d = c(4, 3, 2, 7, 3))
mh <- function(a, b, c, d, measure) rma.mh(measure = measure, ai = a, bi = b, ci = c, di = d, correct = FALSE, drop00 = FALSE)
for (tables in list(ucb, smoke, drink, sparse)) {
  for (measure in c("OR", "RR")) {
    check(c(OR = "odds_ratio", RR = "risk_ratio")[[measure]], tables,
          sprintf("{ m <- mh(a, b, c, d, '%s'); exp(c(m$beta, m$ci.lb, m$ci.ub)) }", measure))
  }
  check("independence", tables, "{
    t <- array(rbind(a, c, b, d), c(2, 2, length(a))); m <- mantelhaen.test(t, correct = FALSE)
    c(m$statistic, m$p.value) }")
}
for (tables in list(ucb, smoke, drink)) {
  check("homogeneity", tables, "{ m <- mh(a, b, c, d, 'OR'); c(m$TA, m$TAp) }")
}

# Pairs.
drug <- list(x = sleep$extra[sleep$group == 1], y = sleep$extra[sleep$group == 2])
set.seed(1960)
ties <- list(x = sample(0:6, 24, TRUE), y = sample(0:6, 24, TRUE))
plain <- list(x = round(rnorm(30, 10, 3), 4), y = round(rnorm(30, 11, 3), 4))
many <- list(x = sample(0:40, 120, TRUE), y = sample(2:43, 120, TRUE))
for (pair in list(drug, plain, many)) {
  check("paired_t", pair, "{ t <- t.test(y, x, paired = TRUE); c(t$statistic, t$p.value, t$estimate, t$conf.int) }")
}
check("signed_rank", plain, "wilcox.test(y, x, paired = TRUE, exact = TRUE)$p.value")
check("signed_rank", ties,
      "pvalue(wilcoxsign_test(y ~ x, distribution = 'exact', zero.method = 'Wilcoxon'))")
check("signed_rank", drug, "pvalue(wilcoxsign_test(y ~ x, distribution = 'exact', zero.method = 'Wilcoxon'))")
check("signed_rank", many, "wilcox.test(y, x, paired = TRUE, exact = FALSE, correct = TRUE)$p.value")
for (table in list(c(12, 5, 14, 20), c(3, 1, 9, 30), c(794, 86, 150, 570), c(10, 12, 12, 9), c(10, 13, 12, 9))) {
  pairs <- list(both = table[1], lost = table[2], gained = table[3], neither = table[4])
  check("mcnemar", pairs, "if (lost + gained < 25) binom.test(lost, lost + gained)$p.value else
    mcnemar.test(matrix(c(both, lost, gained, neither), 2), correct = FALSE)$p.value")
}
three <- list(x = sample(0:6, 25, TRUE), y = sample(0:6, 25, TRUE), z = sample(1:7, 25, TRUE))
check("friedman", three, "{ f <- friedman.test(cbind(x, y, z)); c(f$statistic, f$p.value) }")
yes <- list(x = rbinom(40, 1, 0.3), y = rbinom(40, 1, 0.5), z = rbinom(40, 1, 0.6))
check("cochran_q", yes, "{ # Cochran's Q is the Cochran-Mantel-Haenszel test with patients as strata
    v <- c(x, y, z); n <- length(x)
    q <- mantelhaen.test(factor(rep(1:3, each = n)), factor(v), factor(rep(seq_len(n), 3)))
    c(q$statistic, q$p.value) }")

# Families of p values.
p <- list(p = c(0.0021, 0.0004, 0.048, 0.31, 0.02, 0.02, 0.74, 0.0105))
for (method in c("holm", "BH", "bonferroni")) check("adjust", c(p, list(method = method)), "p.adjust(p, method)")

# Propensity to smoke, and low birth weight.
terms <- "age + lwt + race + ptlany + ht + ui"
for (estimand in c("ate", "att", "ato")) {
  check("weighted", list(estimand = estimand), "{
    e <- fitted(glm(as.formula(paste('smoke ~', terms)), binomial, low, control = glm.control(epsilon = 1e-14)))
    w <- switch(estimand, ate = ifelse(low$smoke == 1, 1 / e, 1 / (1 - e)),
                att = ifelse(low$smoke == 1, 1, e / (1 - e)), ato = ifelse(low$smoke == 1, 1 - e, e))
    design <- svydesign(ids = ~1, weights = ~w, data = cbind(low, w = w))
    rd <- svyglm(low ~ smoke, design)
    rr <- svyglm(low ~ smoke, design, family = quasipoisson(), epsilon = 1e-14, maxit = 100)
    limits <- function(m) { s <- sqrt(diag(vcov(m)))[[2]]; coef(m)[[2]] + c(0, -1, 1) * qnorm(0.975) * s }
    p <- function(m) 2 * pnorm(-abs(coef(m)[[2]] / sqrt(diag(vcov(m)))[[2]]))
    size <- function(g) sum(w[low$smoke == g])^2 / sum(w[low$smoke == g]^2)
    c(limits(rd), p(rd), exp(limits(rr)), p(rr), size(1), size(0)) }")
}
check("imbalance", list(estimand = "ate"), "{
    e <- fitted(glm(as.formula(paste('smoke ~', terms)), binomial, low, control = glm.control(epsilon = 1e-14)))
    w <- ifelse(low$smoke == 1, 1 / e, 1 / (1 - e)); s <- low$smoke == 1
    number <- function(v) { sd <- sqrt((var(v[s]) + var(v[!s])) / 2)
      c(abs(mean(v[s]) - mean(v[!s])), abs(weighted.mean(v[s], w[s]) - weighted.mean(v[!s], w[!s]))) / sd }
    level <- function(v) { p <- c(mean(v[s]), mean(v[!s])); sd <- sqrt(sum(p * (1 - p)) / 2)
      c(abs(diff(p)), abs(weighted.mean(v[s], w[s]) - weighted.mean(v[!s], w[!s]))) / sd }
    levels <- function(f) { m <- model.matrix(~ f)[, -1]; p <- lapply(list(s, !s), function(g) colMeans(m[g, ]))
      v <- Reduce(`+`, lapply(p, function(q) diag(q) - outer(q, q))) / 2
      d <- function(w) { t <- colSums(m[s, ] * w[s]) / sum(w[s]) - colSums(m[!s, ] * w[!s]) / sum(w[!s])
        sqrt(drop(t(t) %*% solve(v) %*% t)) }
      c(d(rep(1, length(w))), d(w)) }
    list(number(low$age), number(low$lwt), level(low$ptlany), levels(low$race)) }")

# Rubin's rules.
q <- list(estimates = c(0.52, 0.61, 0.38, 0.55, 0.47), variances = c(0.041, 0.039, 0.044, 0.040, 0.042))
wide <- list(estimates = c(-1.2, 0.1, 0.9, -0.4, 0.3, 0.2), variances = rep(0.05, 6))
for (each in list(q, wide)) for (df in c(20, 183, 5000)) {
  check("pool", c(each, list(complete_df = df)), "{
    p <- pool.scalar(estimates, variances, n = complete_df + 1, k = 1); c(p$qbar, p$t, p$df, p$fmi) }")
}

# Multiple imputation: birthwt with values of lwt and ht taken away, more often from those who smoked or were light.
set.seed(1989)
holes <- low[, c("low", "age", "lwt", "smoke", "ht")]
holes$lwt[runif(nrow(holes)) < plogis(-1.6 + 1.2 * low$smoke)] <- NA
holes$ht[runif(nrow(holes)) < plogis(-2.2 + 0.8 * low$low)] <- NA
write.csv(holes, "birthwt_missing.csv", row.names = FALSE, na = "")
check("imputed", list(terms = c("age", "lwt", "smoke", "ht")), "{
    made <- mice(holes, m = 400, maxit = 5, method = 'pmm', seed = 1, printFlag = FALSE)
    s <- summary(pool(with(made, glm(low ~ age + lwt + smoke + ht, binomial))))
    list(s$estimate[-1], s$std.error[-1]) }")

# VanderWeele & Ding 2017, their formulas, one line per step.
e_value <- function(rr) { rr <- max(rr, 1 / rr); rr + sqrt(rr * (rr - 1)) }
hazard <- function(h) (1 - 0.5^sqrt(h)) / (1 - 0.5^sqrt(1 / h))
for (r in c(0.2, 0.8, 1, 1.5, 3.9, 10.73)) {
  check("e_value", list(ratio = r, kind = "risk_ratio", rare = FALSE), "e_value(ratio)")
  check("e_value", list(ratio = r, kind = "odds_ratio", rare = FALSE), "e_value(sqrt(ratio))")
  check("e_value", list(ratio = r, kind = "odds_ratio", rare = TRUE), "e_value(ratio)")
  check("e_value", list(ratio = r, kind = "hazard_ratio", rare = FALSE), "e_value(hazard(ratio))")
}

cat("{\n\"made_by\": ", json(paste0(R.version.string, "; metafor ", packageVersion("metafor"), ", coin ", packageVersion("coin"),
    ", survey ", packageVersion("survey"), ", mice ", packageVersion("mice"))), ",\n", sep = "")
cat("\"checks\": [\n", paste(checks, collapse = ",\n"), "\n]\n}\n", sep = "")
