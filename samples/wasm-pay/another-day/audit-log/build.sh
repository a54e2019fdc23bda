set -e
wasm-tools component embed --dummy wit -o build/audit_log.core.wasm
wasm-tools component new build/audit_log.core.wasm -o build/audit_log.wasm
