"""What of torch's arguments is left out, and which functions deviate although names and arguments agree, or
choose where torch leaves a choice."""

from __future__ import annotations

# Named tensors, and names that torch's stubs have and torch itself does not take.
ARGUMENTS = (
    "names|dims?name|out_dtype|self|x|tensor|from_|implicit|ndarray|mode|cls|storage|scalar\\d?|"
    "input[23]|tensor_indices_or_sections|test_element|element|other|device|size"
)

# By patterns of full names; the first that matches holds.
DEVIATES: dict[str, str] = {
    "(torch|Tensor)\\.(conj|adjoint|mH|H)": "copies complex numbers; a write does not reach the original",
    "(torch|Tensor)\\.mode": "which of equally frequent places is returned; nan",
    "(torch|Tensor)\\.kthvalue": "of equal elements the first one's index",
    "torch\\.linalg\\.(cholesky|inv|solve|lu_factor|ldl_factor)_ex": "nan where it fails",
    "torch\\.linalg\\.lstsq": "one algorithm for every driver",
    "torch\\.compile": "returns the function itself",
    "torch\\.set_default_device": "only the CPU",
}
# What torch's documentation leaves open, and how it is here.
OPEN: dict[str, str] = {
    "(torch|Tensor)\\.(sort|argsort)": "equal elements keep their order",
    "(torch|Tensor)\\.(topk|median|nanmedian)": "of equal elements the first one's index",
}
