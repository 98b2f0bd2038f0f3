"""What the generated tests run: distributions as programs over d (torch.distributions) and t (torch)."""

from __future__ import annotations

from typing import NamedTuple


class Row(NamedTuple):
    """make: the program, with parameters p0, p1, ... where they are tensors with gradients.

    parameters: their values. values: what log_prob gets besides samples.
    """

    make: str
    parameters: tuple[object, ...] = ()
    values: object = None
    dtype: str = "float64"


_TWO = [0.7, 2.5]
_COV = [[2.0, 0.5], [0.5, 1.0]]
_TRIL = [[1.5, 0.0], [0.4, 0.8]]

ROWS = {
    "Bernoulli": Row("d.Bernoulli(p0)", ([[0.2, 0.7], [0.5, 1.0]],), [[0.0, 1.0], [1.0, 1.0]]),
    "Bernoulli logits": Row("d.Bernoulli(logits=p0)", ([-1.0, 0.3],), [0.0, 1.0]),
    "Bernoulli number": Row("d.Bernoulli(0.3)", (), 1.0, "float32"),
    "Beta": Row("d.Beta(p0, p1)", (_TWO, [1.5, 0.4]), [0.2, 0.9]),
    "Beta large": Row("d.Beta(p0, p1)", ([30.0, 9.0], [12.0, 20.0]), [0.7, 0.3]),
    "Beta number": Row("d.Beta(0.5, 2.0)", (), 0.25, "float32"),
    "Binomial": Row("d.Binomial(6, p0)", ([0.2, 0.9],), [1.0, 6.0]),
    "Binomial logits": Row("d.Binomial(40, logits=p0)", ([0.4, -0.9],), [10.0, 31.0]),
    "Categorical": Row("d.Categorical(p0)", ([[0.2, 0.3, 0.5], [1.0, 0.0, 4.0]],), [2, 0]),
    "Categorical logits": Row("d.Categorical(logits=p0)", ([0.2, 3.0, -0.5, 1.0],), 3, "float32"),
    "Cauchy": Row("d.Cauchy(p0, p1)", ([0.5, -1.0], _TWO), [1.0, -2.0]),
    "Chi2": Row("d.Chi2(p0)", (_TWO,), [0.5, 2.0]),
    "ContinuousBernoulli": Row("d.ContinuousBernoulli(p0)", ([0.2, 0.5, 0.8],), [0.1, 0.5, 0.9]),
    "ContinuousBernoulli logits": Row("d.ContinuousBernoulli(logits=p0)", ([0.2, -2.5],), [0.1, 0.5]),
    "Dirichlet": Row("d.Dirichlet(p0)", ([[0.5, 1.5, 3.0], [20.0, 9.0, 7.5]],), [[0.2, 0.3, 0.5]] * 2),
    "Dirichlet small": Row("d.Dirichlet(p0)", ([0.1, 0.2, 0.3],), [0.2, 0.3, 0.5]),
    "Exponential": Row("d.Exponential(p0)", (_TWO,), [0.0, 1.5]),
    "Exponential number": Row("d.Exponential(2.0)", (), 1.5, "float32"),
    "FisherSnedecor": Row("d.FisherSnedecor(p0, p1)", ([3.0, 1.0], [5.0, 1.5]), [0.5, 2.0]),
    "Gamma": Row("d.Gamma(p0, p1)", ([0.4, 3.0, 60.0], [1.0, 2.0, 0.5]), [0.5, 2.0, 100.0]),
    "Gamma float32": Row("d.Gamma(p0, p1)", ([0.4, 3.0], [1.0, 2.0]), [0.5, 2.0], "float32"),
    "GeneralizedPareto": Row(
        "d.GeneralizedPareto(p0, p1, p2)",
        ([0.0, 1.0, 1.0], [1.0, 2.0, 0.5], [0.3, 0.0, -0.4]),
        [0.5, 2.0, 1.2],
        "float32",
    ),
    "Geometric": Row("d.Geometric(p0)", ([0.2, 0.7],), [0.0, 3.0]),
    "Geometric logits": Row("d.Geometric(logits=p0)", ([-0.2, 0.7],), [0.0, 3.0]),
    "Gumbel": Row("d.Gumbel(p0, p1)", ([0.5, -1.0], _TWO), [1.0, -2.0]),
    "Gumbel number": Row("d.Gumbel(0.0, 1.0)", (), 0.5, "float32"),
    "HalfCauchy": Row("d.HalfCauchy(p0)", (_TWO,), [1.0, 2.0]),
    "HalfNormal": Row("d.HalfNormal(p0)", (_TWO,), [1.0, 2.0]),
    "Independent": Row("d.Independent(d.Normal(p0, p1), 1)", ([[0.5, -1.0]] * 3, _TWO), [[1.0, -2.0]] * 3),
    "Independent of none": Row("d.Independent(d.Bernoulli(p0), 0)", ([0.5, 0.25],), [1.0, 0.0]),
    "InverseGamma": Row("d.InverseGamma(p0, p1)", ([2.5, 1.5], _TWO), [0.5, 2.0]),
    "Kumaraswamy": Row("d.Kumaraswamy(p0, p1)", ([0.6, 1.5], _TWO), [0.5, 0.25]),
    "Laplace": Row("d.Laplace(p0, p1)", ([0.5, -1.0], _TWO), [1.0, -2.0]),
    "LKJCholesky": Row("d.LKJCholesky(3, p0)", ([0.5, 2.0],)),
    "LogNormal": Row("d.LogNormal(p0, p1)", ([0.5, -1.0], _TWO), [1.0, 2.0]),
    "LogisticNormal": Row("d.LogisticNormal(p0, p1)", ([0.5, -1.0], _TWO), [0.2, 0.3, 0.5]),
    "LowRankMultivariateNormal": Row(
        "d.LowRankMultivariateNormal(p0, p1, p2)",
        ([[0.5, -1.0], [0.0, 1.0], [1.0, 2.0]], [[0.5], [1.5]], _TWO),
        [[0.3, 1.0]] * 3,
    ),
    "MixtureSameFamily": Row(
        "d.MixtureSameFamily(d.Categorical(p0), d.Normal(p1, p2))",
        ([[0.3, 0.7]] * 3, [[0.0, 1.0]] * 3, _TWO),
        [0.1, 0.2, 5.0],
    ),
    "MixtureSameFamily of vectors": Row(
        "d.MixtureSameFamily(d.Categorical(p0), d.Independent(d.Normal(p1, p2), 1))",
        ([0.3, 0.7], [[0.0, 1.0, 2.0], [5.0, 6.0, 7.0]], [0.5, 1.0, 2.0]),
        [0.1, 0.2, 5.0],
    ),
    "Multinomial": Row("d.Multinomial(5, p0)", ([[0.2, 0.3, 0.5]] * 2,), [[1.0, 2.0, 2.0], [0.0, 5.0, 0.0]]),
    "Multinomial logits": Row("d.Multinomial(4, logits=p0)", ([0.2, 0.3, -0.5],), [1.0, 2.0, 1.0]),
    "MultivariateNormal": Row("d.MultivariateNormal(p0, p1)", ([0.5, -1.0], _COV), [1.0, 2.0]),
    "MultivariateNormal scale_tril": Row(
        "d.MultivariateNormal(p0, scale_tril=p1)", ([[0.5, -1.0]] * 2, _TRIL), [[1.0, 2.0], [0.0, 0.0]]
    ),
    "MultivariateNormal precision": Row(
        "d.MultivariateNormal(p0, precision_matrix=p1)", ([0.5, -1.0], [_COV] * 3), [1.0, 2.0]
    ),
    "NegativeBinomial": Row("d.NegativeBinomial(p0, p1)", ([3.0, 5.0], [0.2, 0.7]), [0.0, 3.0]),
    "NegativeBinomial logits": Row("d.NegativeBinomial(3, logits=p0)", ([0.2, -0.7],), [0.0, 3.0]),
    "Normal": Row("d.Normal(p0, p1)", ([[0.5], [-1.0]], _TWO), [[1.0, -2.0], [0.0, 0.5]]),
    "Normal number": Row("d.Normal(1, 2.0)", (), 0.5, "float32"),
    "OneHotCategorical": Row("d.OneHotCategorical(p0)", ([[0.2, 0.8]] * 3,), [[0.0, 1.0]] * 3),
    "OneHotCategoricalStraightThrough": Row(
        "d.OneHotCategoricalStraightThrough(logits=p0)", ([0.2, 0.8, 0.1],), [0.0, 1.0, 0.0]
    ),
    "Pareto": Row("d.Pareto(p0, p1)", (_TWO, [3.0, 1.5]), [1.0, 4.0]),
    "Poisson": Row("d.Poisson(p0)", ([0.7, 25.0],), [0.0, 20.0]),
    "RelaxedBernoulli": Row("d.RelaxedBernoulli(p0, p1)", (0.7, [0.2, 0.6]), [0.1, 0.8]),
    "RelaxedOneHotCategorical": Row(
        "d.RelaxedOneHotCategorical(p0, logits=p1)", (0.7, [[0.2, 0.6, 1.0]] * 2), [[0.2, 0.3, 0.5]] * 2
    ),
    "StudentT": Row("d.StudentT(p0, p1, p2)", ([3.0, 1.5], [0.5, -1.0], _TWO), [1.0, -2.0]),
    "TransformedDistribution": Row(
        "d.TransformedDistribution(d.Normal(p0, 1.0), [d.AffineTransform(1.0, p1), d.SigmoidTransform()])",
        ([0.5, -1.0], _TWO),
        [0.25, 0.75],
    ),
    "TransformedDistribution down": Row(
        "d.TransformedDistribution(d.Uniform(p0, p1), d.AffineTransform(1.0, -2.0))",
        ([0.0, 0.5], [1.0, 2.5]),
        [0.25, -2.0],
    ),
    "Uniform": Row("d.Uniform(p0, p1)", ([0.0, -1.0], [2.0, 3.0]), [0.5, 2.0]),
    "VonMises": Row("d.VonMises(p0, p1)", ([0.5, -1.0], [0.7, 8.0]), [1.0, -2.0]),
    "Weibull": Row("d.Weibull(p0, p1)", (_TWO, [1.5, 3.0]), [1.0, 2.0]),
    "Wishart": Row("d.Wishart(p0, p1)", (4.5, _COV), _COV),
    "Wishart scale_tril": Row("d.Wishart(p0, scale_tril=p1.tril())", ([4.5, 3.0], _TRIL), [_COV] * 2),
}

# Programs that must fail with torch's exception class.
ERRORS = [
    "d.Normal(0.0, -1.0)",
    "d.Normal(t.tensor([0.0, float('nan')]), 1.0)",
    "d.Normal('a', 1.0)",
    "d.Normal(0.0, 1.0).log_prob(0.5)",
    "d.Normal(t.zeros(3), 1.0).log_prob(t.zeros(2))",
    "d.Normal(t.zeros(3), 1.0).expand((2,))",
    "d.Bernoulli()",
    "d.Bernoulli(0.5, 0.5)",
    "d.Bernoulli(1.5)",
    "d.Bernoulli(0.5).log_prob(t.tensor(0.5))",
    "d.Bernoulli(0.5).rsample()",
    "d.Bernoulli(0.5).icdf(t.tensor(0.5))",
    "d.Beta(-1.0, 1.0)",
    "d.Binomial(-1, 0.5)",
    "d.Binomial(t.tensor([2.0, 3.0]), 0.5).entropy()",
    "d.Categorical()",
    "d.Categorical(t.tensor(0.5))",
    "d.Categorical(t.tensor([-0.5, 1.5]))",
    "d.Categorical(t.ones(3)).log_prob(t.tensor(3))",
    "d.Dirichlet(t.tensor(1.0))",
    "d.Dirichlet(t.ones(3)).log_prob(t.ones(3))",
    "d.Exponential(t.tensor([1.0, 0.0]))",
    "d.Gamma(1.0, 0.0)",
    "d.Geometric(0.0)",
    "d.Independent(d.Normal(0.0, 1.0), 1)",
    "d.Independent(d.Normal(t.zeros(2), 1.0), 1).enumerate_support()",
    "d.LKJCholesky(1)",
    "d.LowRankMultivariateNormal(t.zeros(2), t.zeros(3, 1), t.ones(2))",
    "d.MixtureSameFamily(d.Normal(0.0, 1.0), d.Normal(t.zeros(2), 1.0))",
    "d.MixtureSameFamily(d.Categorical(t.ones(3)), d.Normal(t.zeros(2), 1.0))",
    "d.Multinomial(t.tensor([1, 2]), t.ones(2))",
    "d.Multinomial(2, t.ones(2)).log_prob(t.tensor([2.0, 1.0]))",
    "d.MultivariateNormal(t.zeros(2))",
    "d.MultivariateNormal(t.zeros(2), -t.eye(2))",
    "d.MultivariateNormal(t.zeros(2), t.ones(2))",
    "d.MultivariateNormal(t.tensor(0.0), t.eye(2))",
    "d.MultivariateNormal(t.zeros(2), scale_tril=t.ones(2, 2))",
    "d.Uniform(1.0, 0.0)",
    "d.Uniform(0.0, 1.0).log_prob(t.tensor(2.0))",
    "d.Wishart(0.5, t.eye(2))",
    "d.Wishart(3.0)",
    "d.kl_divergence(d.Normal(0.0, 1.0), d.Bernoulli(0.5))",
    "d.kl_divergence(d.Gamma(1.0, 1.0), d.Poisson(1.0))",
    "d.kl_divergence(d.Binomial(2, 0.5), d.Binomial(3, 0.5))",
    "d.TransformedDistribution(d.Normal(0.0, 1.0), [1])",
    "d.TransformedDistribution(d.Normal(0.0, 1.0), 1)",
    "d.TransformedDistribution(d.Normal(0.0, 1.0), d.StickBreakingTransform())",
    "d.biject_to(d.constraints.boolean)",
    "d.biject_to.register(3, None)(4)",
    "d.ExpTransform(cache_size=2)",
    "d.ReshapeTransform((2,), (3,))",
    "d.CorrCholeskyTransform().forward_shape((2,))",
    "d.AbsTransform().log_abs_det_jacobian(t.ones(2), t.ones(2))",
    "d.AbsTransform().sign",
    "d.StackTransform([d.ExpTransform()], 0)(t.ones(2))",
    "d.CatTransform([d.ExpTransform()], 0, [1, 2])",
    "d.constraints.dependent.check(1)",
    "d.constraints.dependent.event_dim",
    "d.Distribution.set_default_validate_args(2)",
]

# Pairs of the table of divergences that one batch of parameters suits.
SCALARS = {
    "Bernoulli": "d.Bernoulli(a / 4)",
    "Beta": "d.Beta(a, b)",
    "Binomial": "d.Binomial(4, a / 4)",
    "Cauchy": "d.Cauchy(a, b)",
    "ContinuousBernoulli": "d.ContinuousBernoulli(a / 4)",
    "Exponential": "d.Exponential(a)",
    "Gamma": "d.Gamma(a, b)",
    "Geometric": "d.Geometric(a / 4)",
    "Gumbel": "d.Gumbel(a, b)",
    "HalfNormal": "d.HalfNormal(a)",
    "Laplace": "d.Laplace(a, b)",
    "LogNormal": "d.LogNormal(a, b)",
    "NegativeBinomial": "d.NegativeBinomial(3, a / 4)",
    "Normal": "d.Normal(a, b)",
    "Pareto": "d.Pareto(a, b)",
    "Poisson": "d.Poisson(a)",
    "StudentT": "d.StudentT(a)",
    "Uniform": "d.Uniform(a / 8, (a + b) / 8)",
}
VECTORS = {
    "Categorical": "d.Categorical(m)",
    "OneHotCategorical": "d.OneHotCategorical(m)",
    "Dirichlet": "d.Dirichlet(m)",
    "Independent": "d.Independent(d.Normal(m, 1 + m), 1)",
    "MultivariateNormal": "d.MultivariateNormal(m, (m.mT @ m).expand(3, 3, 3) + t.eye(3, dtype=m.dtype))",
    "LowRankMultivariateNormal": "d.LowRankMultivariateNormal(m, m.mT[:, :2], m + 1)",
}

TRANSFORMS = {
    "abs": ("d.AbsTransform()", "v"),
    "affine": ("d.AffineTransform(1.0, -2.0)", "v"),
    "affine of tensors": ("d.AffineTransform(v[0], 1 + v[1].abs(), event_dim=1)", "v"),
    "cat": ("d.CatTransform([d.ExpTransform(), d.TanhTransform()], dim=-1, lengths=[1, 2])", "v"),
    "compose": ("d.ComposeTransform([d.TanhTransform(), d.AffineTransform(0.5, 2.0)])", "v"),
    "compose of vectors": ("d.ComposeTransform([d.TanhTransform(), d.StickBreakingTransform()])", "v"),
    "corr cholesky": ("d.CorrCholeskyTransform()", "v"),
    "cumulative": ("d.CumulativeDistributionTransform(d.Normal(0.5, 2.0))", "v"),
    "exp": ("d.ExpTransform()", "v"),
    "identity": ("d.identity_transform", "v"),
    "independent": ("d.IndependentTransform(d.ExpTransform(), 1)", "v"),
    "inverse": ("d.ExpTransform().inv", "v.exp()"),
    "lower cholesky": ("d.LowerCholeskyTransform()", "v"),
    "positive definite": ("d.PositiveDefiniteTransform()", "v"),
    "power": ("d.PowerTransform(t.tensor(2.5, dtype=v.dtype))", "v.exp()"),
    "reshape": ("d.ReshapeTransform((3, 3), (9,))", "v"),
    "sigmoid": ("d.SigmoidTransform()", "v"),
    "softmax": ("d.SoftmaxTransform()", "v"),
    "softplus": ("d.SoftplusTransform()", "v"),
    "stack": ("d.StackTransform([d.ExpTransform(), d.TanhTransform(), d.identity_transform], dim=1)", "v"),
    "stick breaking": ("d.StickBreakingTransform()", "v"),
    "tanh": ("d.TanhTransform()", "v"),
}

# Constraints, each with a tensor whose values satisfy it only in part.
CONSTRAINTS = {
    "c.boolean": "t.tensor([0.0, 1.0, 0.5])",
    "c.cat([c.positive, c.real], 0, [1, 2])": "t.tensor([-1.0, 1.0, 2.0])",
    "c.corr_cholesky": "t.stack([t.eye(2), 2 * t.eye(2)])",
    "c.greater_than(1)": "t.tensor([1.0, 2.0])",
    "c.greater_than_eq(1)": "t.tensor([0.0, 1.0])",
    "c.half_open_interval(0.0, 1.0)": "t.tensor([0.0, 1.0])",
    "c.independent(c.real, 1)": "t.tensor([[0.0, float('nan')], [0.0, 1.0]])",
    "c.integer_interval(0, 2)": "t.tensor([-1.0, 2.0, 0.5])",
    "c.interval(-1.0, 1.0)": "t.tensor([-2.0, 1.0])",
    "c.less_than(1)": "t.tensor([1.0, 0.0])",
    "c.lower_cholesky": "t.stack([t.eye(2), -t.eye(2), t.ones(2, 2)])",
    "c.lower_triangular": "t.stack([t.eye(2), t.ones(2, 2)])",
    "c.multinomial(3)": "t.tensor([[1.0, 2.0], [2.0, 2.0]])",
    "c.nonnegative": "t.tensor([0.0, -1.0])",
    "c.nonnegative_integer": "t.tensor([0.0, 0.5])",
    "c.one_hot": "t.tensor([[0.0, 1.0], [1.0, 1.0]])",
    "c.positive": "t.tensor([0.0, 1.0])",
    "c.positive_definite": "t.stack([t.eye(2), -t.eye(2)])",
    "c.positive_integer": "t.tensor([0.0, 1.0])",
    "c.positive_semidefinite": "t.stack([t.zeros(2, 2), -t.eye(2)])",
    "c.real": "t.tensor([0.0, float('nan')])",
    "c.real_vector": "t.tensor([[0.0, float('nan')], [0.0, 1.0]])",
    "c.simplex": "t.tensor([[0.5, 0.5], [0.5, 0.6]])",
    "c.square": "t.zeros(2, 3)",
    "c.stack([c.positive, c.real], 0)": "t.tensor([[-1.0, 1.0], [2.0, 3.0]])",
    "c.symmetric": "t.stack([t.eye(2), t.tensor([[1.0, 2.0], [3.0, 4.0]])])",
    "c.unit_interval": "t.tensor([0.0, 1.5])",
}
