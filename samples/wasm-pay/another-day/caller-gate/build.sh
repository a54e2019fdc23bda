set -e
wasm-tools component embed --dummy wit -o build/gate.core.wasm
wasm-tools component new build/gate.core.wasm -o build/gate.wasm
