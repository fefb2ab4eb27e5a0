"""Matrix products for thin matrices: packed weights and a register tile, no BLAS.

Inside a recurrent scan the product is thin (8 to 64 rows), and a BLAS call repacks the weights at every timestep, which
drops it to about 60% of the machine's peak. Weights are constant during a training step, so they are packed once per
step into *panels* of NR columns, and a register tile runs over the panels at peak speed, for 8 rows as for 2048.
Without BLAS there are also no threads but our own.

The tile C[rows, NR] += A[rows, K] @ B[K, NR] is emitted as LLVM vector IR: Numba cannot keep a small array of
accumulators in registers. Its shape follows the host's vector registers; tiles of 8, 4, 2 and 1 rows cover any number
of rows. Each element of C is one sum over ascending k for every tile shape: results do not depend on how rows are
split into chunks.

Shapes: A (M, K), B (K, N), panels (ceil(N / NR), K, NR), zero past column N. C has room for full panels: its rows are
`padded(N)` long, and the columns past N are set to zero.
"""

from typing import Any, NamedTuple

import llvmlite.binding as llvm
import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from seqcore.jit import device, host


class TileShape(NamedTuple):
    """Lanes per vector register, and columns (NR) and rows (MR) of the tile, for one vector instruction set."""

    name: str
    lanes: int
    columns: int
    rows: int


SHAPES = {
    "AVX-512": TileShape("AVX-512", 16, 32, 8),  # 32 registers: 16 sums, 2 of B, 1 of A
    "AVX2": TileShape("AVX2", 8, 24, 4),  # 16 registers: 12 sums, 3 of B, 1 of A
    "NEON": TileShape("NEON", 4, 12, 8),  # 32 registers: 24 sums, 3 of B, 2 of A, as in BLIS for armv8a
    "SSE2": TileShape("SSE2", 4, 8, 4),  # 16 registers, no fused multiply-add: 8 sums, 2 of B, products
}


def host_shape() -> TileShape:
    """Return the tile shape for the target CPU, detected from the assembly of a compiled vector multiply-add."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    name, features = host()
    module, vector = ir.Module(), ir.VectorType(ir.FloatType(), 16)
    pointer = vector.as_pointer()
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), [pointer, pointer]), "sum")
    build = ir.IRBuilder(function.append_basic_block())
    x, y = (build.load(argument, align=4) for argument in function.args)
    build.store(build.fadd(build.fmul(x, y, flags=("contract",)), y, flags=("contract",)), function.args[0], align=4)
    build.ret_void()
    target = llvm.Target.from_default_triple()
    assembly = target.create_target_machine(cpu=name, features=features, opt=2).emit_assembly(
        llvm.parse_assembly(str(module))
    )
    if "zmm" in assembly:
        return SHAPES["AVX-512"]
    if "vfmadd" in assembly:
        return SHAPES["AVX2"]
    return SHAPES["NEON" if "aarch64" in llvm.get_default_triple() or "arm64" in llvm.get_default_triple() else "SSE2"]


SHAPE = host_shape()
LANES, NR, MR = SHAPE.lanes, SHAPE.columns, SHAPE.rows


def padded(columns: int) -> int:
    """Return `columns` rounded up to a multiple of NR."""
    return -(-columns // NR) * NR


def _tile_function(module: Any, rows: int, width: int) -> Any:
    """Return the LLVM function of a tile, added to `module` once and never inlined: it is big and has many callers.

    void (a, a_row, a_column, b, K, c, c_row, accumulate): C[rows, width] = A[rows, K] @ B[K, width] (+ C if
    `accumulate`), for the first `width` columns of a panel of B.
    """
    name = f"seqcore.tile{rows}x{width}"
    if name in module.globals:
        return module.globals[name]
    vector, i64, pointer = ir.VectorType(ir.FloatType(), LANES), ir.IntType(64), ir.FloatType().as_pointer()
    arguments = [pointer, i64, i64, pointer, i64, pointer, i64, ir.IntType(1)]
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), arguments), name)
    function.linkage = "linkonce_odr"
    function.attributes.add("noinline")
    a, a_row, a_column, b, K, c, c_row, accumulate = function.args
    build = ir.IRBuilder(function.append_basic_block("entry"))
    lanes = ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)
    undefined, columns = ir.Constant(vector, ir.Undefined), range(width // LANES)

    def at(base: Any, offset: Any) -> Any:
        return build.bitcast(build.gep(base, [offset]), vector.as_pointer())

    def c_at(r: int, j: int) -> Any:
        return at(c, build.add(build.mul(c_row, i64(r)), i64(j * LANES)))

    with build.if_else(accumulate) as (then, otherwise):
        with then:
            loaded = [[build.load(c_at(r, j), align=4) for j in columns] for r in range(rows)]
            from_then = build.block
        with otherwise:
            from_else = build.block
    start = []
    for r in range(rows):
        for j in columns:
            phi = build.phi(vector)
            phi.add_incoming(loaded[r][j], from_then)
            phi.add_incoming(ir.Constant(vector, None), from_else)
            start.append(phi)

    before, loop, done = build.block, function.append_basic_block("k"), function.append_basic_block("done")
    build.branch(loop)
    build.position_at_end(loop)
    k = build.phi(i64)
    k.add_incoming(i64(0), before)
    sums = [build.phi(vector) for _ in start]
    for phi, value in zip(sums, start, strict=True):
        phi.add_incoming(value, before)
    b_k = [build.load(at(b, build.add(build.mul(k, i64(NR)), i64(j * LANES))), align=4) for j in columns]
    total = []
    for r in range(rows):
        offset = build.add(build.mul(a_row, i64(r)), build.mul(k, a_column))
        scalar = build.load(build.gep(a, [offset]))
        one = build.insert_element(undefined, scalar, ir.IntType(32)(0))
        a_rk = build.shuffle_vector(one, undefined, lanes)
        for j in columns:  # 'contract' lets LLVM fuse the pair into one instruction
            product = build.fmul(a_rk, b_k[j], flags=("contract",))
            total.append(build.fadd(product, sums[r * len(columns) + j], flags=("contract",)))
    following = build.add(k, i64(1))
    k.add_incoming(following, build.block)
    for phi, value in zip(sums, total, strict=True):
        phi.add_incoming(value, build.block)
    build.cbranch(build.icmp_signed("<", following, K), loop, done)
    build.position_at_end(done)
    for r in range(rows):
        for j in columns:
            build.store(total[r * len(columns) + j], c_at(r, j), align=4)
    build.ret_void()
    return function


def _make_tile(rows: int, width: int) -> Any:
    """Return an intrinsic: C[rows, width] = A[rows, K] @ B[K, width] (+ C if `accumulate`).

    A is read at a[r * a_row + k * a_column], so it may be transposed; B at b[k * NR + j].
    """
    pointer, n = types.CPointer(types.float32), types.intp

    @intrinsic
    def tile(typingctx, a, a_row, a_column, b, K, c, c_row, accumulate):
        signature = types.void(pointer, n, n, pointer, n, pointer, n, types.boolean)

        def codegen(context, build, signature, args):
            flag = args[-1] if args[-1].type.width == 1 else build.trunc(args[-1], ir.IntType(1))
            build.call(_tile_function(build.module, rows, width), [*args[:-1], flag])
            return context.get_dummy_value()

        return signature, codegen

    return tile


@intrinsic
def address(typingctx, array, offset):
    """Return a pointer to array.data[offset]; ignores bounds and strides."""
    signature = types.CPointer(types.float32)(array, types.intp)

    def codegen(context, build, signature, args):
        data = context.make_array(signature.args[0])(context, build, args[0]).data
        return build.gep(data, [args[1]])

    return signature, codegen


@intrinsic
def shift(typingctx, pointer, n):
    """Return the pointer n elements further on."""

    def codegen(context, build, signature, args):
        return build.gep(args[0], [args[1]])

    return pointer(pointer, types.intp), codegen


def _make_prefetch(write: bool) -> Any:
    """Return an intrinsic that starts to load the line of a pointer into the second-level cache; it never faults.

    `write`: the line will be written, so that other cores' copies are given up at once.
    """

    @intrinsic
    def prefetch(typingctx, pointer):
        def codegen(context, build, signature, args):
            i32, byte = ir.IntType(32), ir.IntType(8).as_pointer()
            name = "llvm.prefetch.p0"
            known = build.module.globals.get(name)
            function = known or ir.Function(build.module, ir.FunctionType(ir.VoidType(), [byte, i32, i32, i32]), name)
            build.call(function, [build.bitcast(args[0], byte), i32(int(write)), i32(2), i32(1)])
            return context.get_dummy_value()

        return types.void(pointer), codegen

    return prefetch


fetch_to_read, fetch_to_write = _make_prefetch(write=False), _make_prefetch(write=True)


def _make_copy(length: int, add: bool = False) -> Any:
    """Return an intrinsic: to[:length] = source[:length] (+ to if `add`), in vector registers, no bounds checks."""
    pointer = types.CPointer(types.float32)

    @intrinsic
    def copy(typingctx, source, to):
        def codegen(context, build, signature, args):
            vector = ir.VectorType(ir.FloatType(), length).as_pointer()
            value, target = build.load(build.bitcast(args[0], vector), align=4), build.bitcast(args[1], vector)
            if add:
                value = build.fadd(build.load(target, align=4), value)
            build.store(value, target, align=4)
            return context.get_dummy_value()

        return types.void(pointer, pointer), codegen

    return copy


copy8, copy_row, add_row = _make_copy(8), _make_copy(NR), _make_copy(NR, add=True)


def _make_rows(width: int) -> Any:
    """Return a device function: C (M, width) = A (M, K) @ the first columns of one panel, for any M >= 0 and K >= 1.

    a, b and c point to the first elements: no reference is counted. The largest tiles come first.
    Strides are those of a tile.
    """
    tile8, tile4, tile2, tile1 = (_make_tile(rows, width) for rows in (8, 4, 2, 1))
    eight = MR == 8 or width < NR  # the sums of 8 rows fit the registers

    @device
    def rows(a, a_row, a_column, M, b, K, c, c_row, accumulate):
        i = 0
        if eight:
            while i + 8 <= M:
                tile8(shift(a, i * a_row), a_row, a_column, b, K, shift(c, i * c_row), c_row, accumulate)
                i += 8
        while i + 4 <= M:
            tile4(shift(a, i * a_row), a_row, a_column, b, K, shift(c, i * c_row), c_row, accumulate)
            i += 4
        if i + 2 <= M:
            tile2(shift(a, i * a_row), a_row, a_column, b, K, shift(c, i * c_row), c_row, accumulate)
            i += 2
        if i < M:
            tile1(shift(a, i * a_row), a_row, a_column, b, K, shift(c, i * c_row), c_row, accumulate)

    return rows


rows_at, narrow_rows_at = _make_rows(NR), _make_rows(LANES)  # a full panel; its first LANES columns


@device
def tile_rows(a, a_at, a_row, a_column, M, b, b_at, K, c, c_at, c_row, accumulate):
    """As `rows_at`, for arrays and the offsets of the first elements."""
    rows_at(address(a, a_at), a_row, a_column, M, address(b, b_at), K, address(c, c_at), c_row, accumulate)


@device
def narrow_rows(a, a_at, a_row, a_column, M, b, b_at, K, c, c_at, c_row, accumulate):
    """As `tile_rows`, for the first LANES columns of the panel."""
    narrow_rows_at(address(a, a_at), a_row, a_column, M, address(b, b_at), K, address(c, c_at), c_row, accumulate)


@device
def fetch(rows, at, n, write):
    """Start to load columns [at, at + n) of rows (R, width) into the cache, while a product keeps the core busy.

    A pass over a batch moves far more than a cache holds: without this, the loop that follows the product would wait
    for memory at every line.
    """
    for r in range(rows.shape[0]):
        for j in range(at, at + n, 16):
            if write:
                fetch_to_write(address(rows, r * rows.shape[1] + j))
            else:
                fetch_to_read(address(rows, r * rows.shape[1] + j))


@device
def matmul(A, K, panels, C, accumulate):
    """C (M, padded N) = A (M, >= K) @ B (+ C); rows of A and C are contiguous and at least K and padded(N) long."""
    M, a_row, c_row = A.shape[0], A.shape[1], C.shape[1]
    for p in range(panels.shape[0]):
        tile_rows(A, 0, a_row, 1, M, panels, p * K * NR, K, C, p * NR, c_row, accumulate)


@device
def matmul_narrow(A, K, N, panels, C, accumulate):
    """As `matmul`, for N columns that leave the last panel partly empty: uses narrow tiles there if N allows.

    Columns of C past the computed ones are left unchanged.
    """
    last = panels.shape[0] - 1
    if N - last * NR > LANES:
        matmul(A, K, panels, C, accumulate)
        return
    matmul(A, K, panels[:last], C, accumulate)
    narrow_rows(A, 0, A.shape[1], 1, A.shape[0], panels, last * K * NR, K, C, last * NR, C.shape[1], accumulate)


@device
def row_norms(x, N, norms):
    """norms[r] = the Euclidean norm of x[r, :N]."""
    for r in range(norms.size):
        total, row = 0.0, x[r, :N]
        for j in range(N):
            total += np.float64(row[j]) * np.float64(row[j])
        norms[r] = np.float32(np.sqrt(total))
