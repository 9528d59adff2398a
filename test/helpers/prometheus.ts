import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { end, untilReady } from './process.ts';
import { freePort } from './redis.ts';

/** A real Prometheus (Debian's package) that scrapes these addresses every second as the job `gateway`. */
export async function startPrometheus(targets: readonly string[]) {
  const port = await freePort();
  const folder = mkdtempSync(join(tmpdir(), 'prometheus-'));
  const configuration = {
    global: { scrape_interval: '1s' },
    scrape_configs: [{ job_name: 'gateway', static_configs: [{ targets }] }],
  };
  // JSON is YAML too.
  writeFileSync(join(folder, 'prometheus.yml'), JSON.stringify(configuration));
  const url = `http://127.0.0.1:${port}`;
  const child = spawn(
    'prometheus',
    [
      `--config.file=${join(folder, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
    ],
    { stdio: 'ignore' },
  );
  await untilReady('prometheus', child, `${url}/-/ready`);
  return {
    /** The result of an expression now. @throws Error with what Prometheus says against it */
    async query(expression: string) {
      const response = await fetch(`${url}/api/v1/query?query=${encodeURIComponent(expression)}`);
      const { status, error, data } = (await response.json()) as {
        status: string;
        error?: string;
        data: { result: { metric: Record<string, string>; value: [number, string] }[] };
      };
      if (status !== 'success') throw new Error(`${expression}: ${error}`);
      return data.result;
    },
    async close(): Promise<void> {
      await end(child);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
