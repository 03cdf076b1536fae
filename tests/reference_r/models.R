# Reference answers for tieout.analysis: survival, cox, fits, clustered, rates. Run in this folder:
#   Rscript models.R > models.json
# Needs survival, MASS, sandwich, lmtest, geepack and jsonlite. Writes the data that it uses beside itself as CSV:
# lung, veteran and ovarian of package survival (LGPL >= 2; Loprinzi et al., J Clin Oncol 1994;12:601; Kalbfleisch & Prentice
# 1980; Edmunson et al., Cancer Treat Rep 1979;63:241), quine and birthwt of MASS (GPL-2 or GPL-3; Quine in Aitkin, JRSS A
# 1978;141:195; Hosmer & Lemeshow 1989), respiratory of geepack (GPL >= 3; Davis, Stat Med 1991;10:1959), and two of our own.
# Each check names the function asked, its arguments, the R call and R's answer.
suppressMessages({ library(survival); library(MASS); library(sandwich); library(lmtest); library(geepack) })

kept <- function(data, columns) { d <- data[columns]; d[] <- lapply(d, as.numeric); d[complete.cases(d), ] }
lung <- kept(within(survival::lung, dead <- status - 1), c("inst", "time", "dead", "age", "sex", "ph.ecog", "wt.loss"))
lung <- lung[order(lung$inst), ]
names(lung)[6:7] <- c("ecog", "loss")
veteran <- within(survival::veteran, { chemo <- trt - 1; large <- celltype == "large"; small <- celltype == "smallcell"
                                       adeno <- celltype == "adeno" })
veteran <- kept(veteran, c("time", "status", "chemo", "karno", "age", "adeno", "small", "large"))
ovarian <- kept(survival::ovarian, c("futime", "fustat", "age", "rx", "resid.ds"))
names(ovarian)[5] <- "residual"
quine <- within(MASS::quine, { aboriginal <- Eth == "A"; male <- Sex == "M"; slow <- Lrn == "SL"
                               form <- as.integer(Age); class <- as.integer(interaction(Eth, Sex, Age)) })
quine <- kept(quine, c("Days", "aboriginal", "male", "slow", "form", "class"))
quine <- quine[order(quine$class), ]
quine$years <- seq(0.5, 2, length.out = nrow(quine))
respiratory <- within(geepack::respiratory, { patient <- as.integer(interaction(center, id, drop = TRUE))
                                              active <- treat == "A"; male <- sex == "M" })
respiratory <- kept(respiratory, c("patient", "outcome", "active", "male", "age", "baseline"))
respiratory <- respiratory[order(respiratory$patient), ]
birthwt <- kept(within(MASS::birthwt, grade <- findInterval(bwt, c(2000, 2500, 3000))),
                c("bwt", "grade", "age", "lwt", "smoke", "ht", "race"))
birthwt <- within(birthwt, { age <- age / 10; lwt <- lwt / 100 })  # else polr's differences lose their digits
# 30 patients of 6 sites with many tied times, two of them 0, and a site of one patient.
ties <- data.frame(time = c(0, 0, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 4, 4, 4, 4, 5, 5, 6, 6, 6, 7, 7, 8, 8, 8, 9, 9, 10, 10),
                   dead = c(1, 0, 1, 1, 0, 1, 1, 1, 0, 1, 0, 0, 1, 1, 1, 0, 0, 1, 1, 1, 0, 1, 0, 1, 1, 0, 0, 0, 1, 0),
                   x = c(4, 9, 2, 7, 3, 8, 1, 5, 9, 2, 6, 4, 7, 3, 1, 8, 5, 2, 9, 4, 6, 1, 3, 7, 2, 5, 8, 6, 4, 1),
                   group = rep(c(1, 0, 0), 10), site = c(6, rep(1:5, length.out = 29)))
half <- data.frame(time = c(1, 2, 3, 4, 5, 6), dead = c(1, 0, 1, 1, 0, 0) * 1, group = 0)
half$dead <- c(1, 1, 1, 0, 0, 0)
data <- list(lung = lung, veteran = veteran, ovarian = ovarian, quine = quine, respiratory = respiratory, birthwt = birthwt,
             ties = ties, half = half)
for (name in names(data)) write.csv(data[[name]], paste0("models_", name, ".csv"), row.names = FALSE)

# A fit's slopes: coefficient, standard error, limits, p. `df` is Inf for the normal distribution.
slopes <- function(coef, se, df = Inf, level = 0.95) {
  reach <- qt((1 + level) / 2, df) * se
  list(coef = coef, se = se, low = coef - reach, high = coef + reach, p = 2 * pt(-abs(coef / se), df))
}
plain <- function(fit, df = Inf) { k <- names(coef(fit)) != "(Intercept)"
  slopes(unname(coef(fit)[k]), unname(sqrt(diag(vcov(fit)))[seq_along(coef(fit))][k]), df) }
robust <- function(fit, cluster, df = Inf) { v <- vcovCL(fit, cluster, type = "HC1"); k <- names(coef(fit)) != "(Intercept)"
  slopes(unname(coef(fit)[k]), unname(sqrt(diag(v))[seq_along(coef(fit))][k]), df) }
gee <- function(fit, correlation = NA) { s <- summary(fit)$coefficients[-1, ]
  c(slopes(s[, 1], s[, 2]), correlation = correlation) }
curve <- function(fit, at) { s <- summary(fit, times = at, extend = TRUE); q <- quantile(fit, 0.5)
  list(estimate = s$surv, low = s$lower, high = s$upper, at_risk = s$n.risk,
       median = unname(c(q$quantile, q$lower, q$upper))) }
zph <- function(fit) { z <- cox.zph(fit)$table; list(statistic = unname(z[, 1]), p = unname(z[, 3])) }
central <- function(x1, x2, t1, t2) { n <- x1 + x2; q <- t1 / (t1 + t2)
  min(1, 2 * min(pbinom(x1, n, q), pbinom(x1 - 1, n, q, lower.tail = FALSE))) }

exact <- glm.control(epsilon = 1e-15, maxit = 100)
# Liang and Zeger's moment estimate of an exchangeable correlation, with p taken off both divisors as they do (geepack's
# own takes off none), around geepack's estimating equations at that correlation.
liang_zeger <- function(fit) {
  call <- fit$call; call$corstr <- "fixed"; place <- parent.frame()
  size <- table(fit$id); pairs <- sum(size * (size - 1) / 2); n <- length(fit$y); p <- length(coef(fit))
  alpha <- 0
  repeat {
    r <- (fit$y - fitted(fit)) / sqrt(fit$family$variance(fitted(fit)))
    products <- sum((tapply(r, fit$id, sum)^2 - tapply(r^2, fit$id, sum)) / 2)
    now <- products / (pairs - p) / (sum(r^2) / (n - p))
    if (abs(now - alpha) < 1e-12) return(gee(fit, now))
    alpha <- now
    call$zcor <- rep(alpha, pairs)
    fit <- eval(call, place)
  }
}
checks <- list()
check <- function(of, on, args, r_call) {
  answer <- eval(parse(text = r_call), c(args, data[[on]], list(d = data[[on]])), globalenv())
  checks[[length(checks) + 1]] <<- list(of = of, data = on, args = args, r_call = r_call, expected = answer)
}

km <- "curve(survfit(Surv(%s, %s) ~ 1, data = d, conf.type = 'log-log', conf.int = level), at)"
check("curve", "lung", list(time = "time", event = "dead", at = c(30, 180, 365, 700), level = 0.95), sprintf(km, "d$time", "dead"))
check("curve", "lung", list(time = "time", event = "dead", at = c(100, 365), level = 0.9), sprintf(km, "d$time", "dead"))
check("curve", "veteran", list(time = "time", event = "status", at = c(10, 100, 300), level = 0.95), sprintf(km, "d$time", "status"))
check("curve", "ovarian", list(time = "futime", event = "fustat", at = c(100, 365, 800), level = 0.95), sprintf(km, "d$futime", "fustat"))
check("curve", "ties", list(time = "time", event = "dead", at = c(0, 2, 4.5, 10), level = 0.95), sprintf(km, "d$time", "d$dead"))
check("curve", "half", list(time = "time", event = "dead", at = c(1, 3, 6), level = 0.95), sprintf(km, "d$time", "d$dead"))

rank <- "{ s <- survdiff(%s, data = d); list(statistic = s$chisq, p = pchisq(s$chisq, length(s$n) - 1, lower.tail = FALSE)) }"
check("log_rank", "lung", list(time = "time", event = "dead", by = "sex"), sprintf(rank, "Surv(time, dead) ~ sex"))
check("log_rank", "lung", list(time = "time", event = "dead", by = "ecog"), sprintf(rank, "Surv(time, dead) ~ ecog"))
check("log_rank", "veteran", list(time = "time", event = "status", by = "chemo"), sprintf(rank, "Surv(time, status) ~ chemo"))
check("log_rank", "ties", list(time = "time", event = "dead", by = "group"), sprintf(rank, "Surv(time, dead) ~ group"))

three <- list(
  list("lung", "time", "dead", c("age", "sex", "ecog"), "inst"),
  list("veteran", "time", "status", c("chemo", "karno", "age", "adeno", "small", "large"), "age"),
  list("ovarian", "futime", "fustat", c("age", "rx", "residual"), "age"),
  list("ties", "time", "dead", c("x", "group"), "site"))
for (each in three) {
  model <- sprintf("coxph(Surv(%s, %s) ~ %s, data = d, ties = 'efron'", each[[2]], each[[3]], paste(each[[4]], collapse = " + "))
  args <- list(time = each[[2]], y = each[[3]], terms = each[[4]])
  check("cox", each[[1]], args, paste0("plain(", model, "))"))
  check("cox", each[[1]], c(args, clusters = each[[5]]), sprintf("plain(%s, cluster = d$%s))", model, each[[5]]))
  check("zph", each[[1]], args, paste0("zph(", model, "))"))
}

terms <- c("aboriginal", "male", "slow", "form")
side <- paste(terms, collapse = " + ")
count <- list(y = "Days", terms = terms)
offset <- paste(side, "+ offset(log(years))")
check("poisson", "quine", count, sprintf("plain(glm(Days ~ %s, poisson, d, control = exact))", side))
check("poisson", "quine", c(count, exposure = "years"), sprintf("plain(glm(Days ~ %s, poisson, d, control = exact))", offset))
check("poisson", "quine", c(count, exposure = "years", clusters = "class"), sprintf("robust(glm(Days ~ %s, poisson, d, control = exact), d$class)", offset))
glm_nb <- "glm.nb(Days ~ %s, d, control = glm.control(epsilon = 1e-12, maxit = 50))"
check("negative_binomial", "quine", count, sprintf(paste0("c(plain(", glm_nb, "), dispersion = 1 / ", glm_nb, "$theta)"), side, side))
check("negative_binomial", "quine", c(count, exposure = "years"),
      sprintf(paste0("c(plain(", glm_nb, "), dispersion = 1 / ", glm_nb, "$theta)"), offset, offset))
check("negative_binomial", "quine", c(count, exposure = "years", clusters = "class"),
      sprintf(paste0("robust(", glm_nb, ", d$class)"), offset))

weight <- list(y = "bwt", terms = c("age", "lwt", "smoke", "ht"))
line <- "lm(bwt ~ age + lwt + smoke + ht, d)"
check("linear", "birthwt", weight, sprintf("plain(%s, df = df.residual(%s))", line, line))
check("linear", "birthwt", c(weight, clusters = "race"), sprintf("robust(%s, d$race, df = 2)", line))
check("linear", "lung", list(y = "loss", terms = c("age", "sex"), clusters = "inst"),
      "robust(lm(loss ~ age + sex, d), d$inst, df = length(unique(d$inst)) - 1)")
grades <- "polr(factor(grade) ~ age + lwt + smoke + ht, d, Hess = TRUE, control = list(reltol = 1e-15))"
check("ordinal", "birthwt", list(y = "grade", terms = weight$terms), sprintf("plain(%s)", grades))
check("ordinal", "respiratory", list(y = "outcome", terms = c("active", "male", "age", "baseline")),
      "plain(glm(outcome ~ active + male + age + baseline, binomial, d, control = exact))")
breath <- list(y = "outcome", terms = c("active", "male", "age", "baseline"), clusters = "patient")
model <- "outcome ~ active + male + age + baseline"
check("logistic", "respiratory", breath,
      sprintf("robust(glm(%s, binomial, d, control = exact), d$patient)", model))
for (correlation in c("independence", "exchangeable")) {
  way <- if (correlation == "exchangeable") "liang_zeger" else "gee"
  with <- c(breath, correlation = correlation)
  how <- sprintf("corstr = 'independence', control = geese.control(epsilon = 1e-12, maxit = 100))")
  check("logistic", "respiratory", with, sprintf("%s(geeglm(%s, binomial, d, id = patient, %s)", way, model, how))
  check("linear", "lung", list(y = "loss", terms = c("age", "sex"), clusters = "inst", correlation = correlation),
        sprintf("%s(geeglm(loss ~ age + sex, gaussian, d, id = inst, %s)", way, how))
  check("poisson", "quine", list(y = "Days", terms = terms[1:3], clusters = "class", exposure = "years", correlation = correlation),
        sprintf("%s(geeglm(Days ~ aboriginal + male + slow + offset(log(years)), poisson, d, id = class, %s)", way, how))
}

for (level in c(0.95, 0.99)) for (x in c(0, 1, 3, 23, 480)) {
  check("rate", "half", list(x = x, t = 187.2, level = level),
        "{ p <- poisson.test(x, t, conf.level = level); c(p$estimate, p$conf.int) }")
}
for (x in list(c(3, 9), c(0, 4), c(23, 11), c(480, 512))) {
  check("rate_ratio", "half", list(x1 = x[1], x2 = x[2], t1 = 120.5, t2 = 98.25, level = 0.95),
        "{ p <- poisson.test(c(x1, x2), c(t1, t2), conf.level = level); c(p$estimate, p$conf.int, central(x1, x2, t1, t2)) }")
}

cat(jsonlite::toJSON(list(made_by = R.version.string,
    packages = lapply(c(survival = "survival", MASS = "MASS", sandwich = "sandwich", geepack = "geepack"),
                      function(p) as.character(packageVersion(p))), checks = checks),
    digits = I(17), auto_unbox = TRUE, na = "null", pretty = FALSE))
