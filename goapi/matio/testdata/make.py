"""Writes the .npy, .npz, .safetensors and .mtx files that the tests read.

Every array holds a[i, j] = i - j/4 (7 by 5), which all types but the integers
hold exactly; integers hold i + 10*j.
"""
import json, struct
import numpy as np

i, j = np.indices((7, 5))
a = i - j / 4
for t in "f2", "f4", "f8":
    np.save(f"{t}_c.npy", a.astype(t))
    np.save(f"{t}_f.npy", np.asfortranarray(a.astype(t)))
    np.save(f"{t}_big.npy", a.astype(">" + t))
big = np.zeros((14, 15))
big[::2, ::3] = a
np.save("strided.npy", big[::2, ::3])
for t in "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8":
    np.save(f"{t}.npy", (i + 10 * j).astype(t))
np.save("bool.npy", (i + j) % 2 == 0)
np.save("vector.npy", a[:, 1])
np.save("scalar.npy", np.float64(2.5))
np.save("cube_f.npy", np.asfortranarray(np.arange(24.0).reshape(2, 3, 4)))
np.save("empty.npy", np.zeros((0, 4)))
np.savez_compressed("compressed.npz", first=a, second=a.astype("f4").T)
np.savetxt("table.csv", a, delimiter=",", header="a,b,c,d,e", comments="")
bf16 = (a.astype("<f4").view("<u4") >> 16).astype("<u2").tobytes()
f16 = a.astype("<f2").tobytes()
head = json.dumps({
    "__metadata__": {"format": "pt"},
    "layer.0.weight": {"dtype": "BF16", "shape": [7, 5], "data_offsets": [0, len(bf16)]},
    "layer.1.weight": {"dtype": "F16", "shape": [7, 5], "data_offsets": [len(bf16), len(bf16) + len(f16)]},
}).encode()
with open("two.safetensors", "wb") as f:
    f.write(struct.pack("<Q", len(head)) + head + bf16 + f16)
