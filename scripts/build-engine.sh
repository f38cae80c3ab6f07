#!/bin/sh
# Builds the llama-cpp-python wheel once into the folder named by $1, for this machine's processor.
#
# Why not the package's own build: with GGML_NATIVE the compiler turns on AMX where the processor has it, and builds by
# GCC 12 then die at the first decode of a quantized model (ldtilecfg, tilezero). So every feature is named here, AMX
# never among them. Set CMAKE_ARGS to add to the flags, for instance CMAKE_ARGS="-DGGML_CUDA=on" for an RTX box.
set -eu

wheels=${1:?usage: build-engine.sh WHEEL_FOLDER [PYTHON]}
python=${2:-python3}
version=$(sed -n 's/^ *"llama-cpp-python==\([^"]*\)",.*/\1/p' "$(dirname "$0")/../pyproject.toml" | head -n 1)
[ -n "$version" ] || { echo "engine: pyproject.toml pins no llama-cpp-python" >&2; exit 1; }

for wheel in "$wheels"/llama_cpp_python-"$version"-*.whl; do
    [ -e "$wheel" ] && { echo "engine: reusing $wheel"; exit 0; }
done
command -v c++ >/dev/null || { echo "engine: a C++ compiler is missing: apt-get install g++" >&2; exit 1; }

flags="-DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_EXAMPLES=OFF -DLLAMA_BUILD_TOOLS=OFF -DLLAMA_BUILD_SERVER=OFF"
flags="$flags -DLLAVA_BUILD=OFF -DLLAMA_CURL=OFF -DLLAMA_OPENSSL=OFF"
case $(uname -m) in
x86_64)
    flags="$flags -DGGML_NATIVE=OFF"
    has() { grep -qw "$1" /proc/cpuinfo && echo ON || echo OFF; }
    flags="$flags -DGGML_AVX=$(has avx) -DGGML_AVX2=$(has avx2) -DGGML_FMA=$(has fma) -DGGML_F16C=$(has f16c)"
    flags="$flags -DGGML_BMI2=$(has bmi2) -DGGML_AVX512=$(has avx512bw) -DGGML_AVX512_VBMI=$(has avx512vbmi)"
    flags="$flags -DGGML_AVX512_VNNI=$(has avx512_vnni) -DGGML_AVX512_BF16=$(has avx512_bf16)"
    ;;
esac

mkdir -p "$wheels"
echo "engine: building llama-cpp-python $version (about four minutes on two cores)"
CMAKE_ARGS="$flags ${CMAKE_ARGS:-}" "$python" -m pip --quiet --disable-pip-version-check \
    wheel --no-deps --wheel-dir "$wheels" "llama-cpp-python==$version"
