set -e
wasm-tools component embed wit gate.wat -o build/gate.core.wasm
wasm-tools component new build/gate.core.wasm -o build/gate.wasm
