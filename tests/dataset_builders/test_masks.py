import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from dataset_builders.masks import decode_mask, encode_mask


@given(arrays(bool, st.tuples(st.integers(1, 20), st.integers(1, 20))))
def test_a_mask_comes_back_as_it_was(mask):
    np.testing.assert_array_equal(decode_mask(encode_mask(mask)), mask)
