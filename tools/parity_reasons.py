"""Why names of torch are absent here or deviate: patterns of full names, such as "Tensor.to_sparse", and the
reason. The first that matches holds."""

from __future__ import annotations

# Arguments of torch's that mean nothing here: named tensors, and internals.
ARGUMENTS = "names|dims?name|out_dtype|self|x|tensor"

_NETWORKS = (
    "adaptive_\\w+|affine_grid_generator|alpha_dropout\\w*|avg_pool\\w+|batch_norm|bilinear|"
    "binary_cross_entropy_with_logits|conv\\d\\w+|conv_tbc|conv_transpose\\w+|convolution|"
    "cosine_embedding_loss|ctc_loss|dropout\\w*|embedding\\w*|feature_\\w*dropout\\w*|grid_sampler\\w*|"
    "group_norm|gru\\w*|hinge_embedding_loss|instance_norm|kl_div|layer_norm|lstm\\w*|margin_ranking_loss|"
    "max_pool\\w+|poisson_nll_loss|rms_norm|rnn_\\w+|triplet_margin_loss"
)
ABSENT: dict[str, str] = {
    ".*(sparse|coalesce|_coo|_cs[rc]|_bs[rc]|sspaddmm|hspmm|hsmm|saddmm|dsmm|spmm).*": "sparse tensors",
    ".*\\.(c?(col|row|crow|ccol)_indices(_copy)?|indices(_copy)?|values(_copy)?|dense_dim|to_dense|smm)": (
        "sparse tensors"
    ),
    ".*(quant|q_scale|q_zero_point|q_per_channel|qscheme|int_repr|fbgemm|moving_avg|qparams).*": (
        "quantised tensors"
    ),
    ".*(nested|padded_tensor).*": "nested tensors",
    ".*(cudnn|miopen|mkldnn|vulkan|ipu|xla|maia|mtia|xpu).*": "bound to a device",
    ".*(pinned|pin_memory|record_stream|shared|share_|is_meta).*": "bound to a device, or to shared memory",
    ".*(autocast|deterministic|get_device_module|interop_threads|flush_denormal|init_num_threads).*": (
        "switches of torch's own machinery"
    ),
    ".*\\.(import_ir\\w*|parse_\\w+|fork|wait|sym_\\w+|compile)": "TorchScript, fx and compilation",
    ".*\\.(merge_type\\w+|unify_type\\w+|thread_safe\\w+)": "TorchScript, fx and compilation",
    "torch\\.(batch_norm_\\w+|native_\\w+)": "halves of torch's own kernels",
    f"torch\\.({_NETWORKS})": "functions of networks; they come with torch.nn",
    ".*\\.(names|rename_?|refine_names|align_\\w+|has_names)": "named tensors, which torch gave up",
    "Tensor\\.(volatile|solve|symeig|eig|lstsq|reinforce|storage_type|storage|name)": "deprecated in torch",
    "torch\\.(set_default_tensor_type|range)": "deprecated in torch",
}

DEVIATES: dict[str, str] = {}
