import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, symlinkSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { helm, type Manifest, renderChart, writeVolume } from '../helpers/chart.ts';
import { install } from '../helpers/example.ts';
import { createFolder } from '../helpers/files.ts';
import { postJson, startUpstream } from '../helpers/gateway.ts';
import { startInstance } from '../helpers/instance.ts';
import { startRedis } from '../helpers/redis.ts';
import { createTokenFile } from '../helpers/token-file.ts';

/** Packages with the schema and the type of each kind. */
const KINDS: Readonly<Record<string, string>> = {
  ConfigMap: 'kubernetes-models/v1',
  Deployment: 'kubernetes-models/apps/v1',
  HorizontalPodAutoscaler: 'kubernetes-models/autoscaling/v2',
  Ingress: 'kubernetes-models/networking.k8s.io/v1',
  NetworkPolicy: 'kubernetes-models/networking.k8s.io/v1',
  PodDisruptionBudget: 'kubernetes-models/policy/v1',
  Service: 'kubernetes-models/v1',
  ServiceMonitor: '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1',
};
const ALWAYS = ['Deployment', 'NetworkPolicy', 'PodDisruptionBudget', 'Service'];
const EXAMPLES: readonly [string, string | object, readonly string[]][] = [
  ['sandbox', {}, ALWAYS],
  ['passthrough', 'passthrough', [...ALWAYS, 'Ingress']],
  ['managed', 'managed', [...ALWAYS, 'ConfigMap', 'HorizontalPodAutoscaler', 'ServiceMonitor']],
];

const { folder, write: writeFile } = createFolder();
beforeAll(() => install('test/helm'));

const find = (manifests: readonly Manifest[], kind: string): Manifest =>
  manifests.find((manifest) => manifest.kind === kind);

/** What TypeScript reports for the manifests as values of their types. The schemas accept unknown fields. */
function compile(manifests: readonly Manifest[]): string {
  const lines = manifests.map((manifest, i) => {
    const type = `import('${KINDS[manifest.kind]}').I${manifest.kind}`;
    return `export const manifest${i}: ${type} = ${JSON.stringify(manifest)};`;
  });
  if (!existsSync(join(folder, 'node_modules'))) symlinkSync(resolve('node_modules'), join(folder, 'node_modules'));
  writeFile('manifests.ts', lines.join('\n'));
  const flags = ['--noEmit', '--skipLibCheck', '--module', 'nodenext', '--types', ''];
  return spawnSync(resolve('node_modules/.bin/tsc'), [...flags, 'manifests.ts'], { cwd: folder, encoding: 'utf8' })
    .stdout;
}

describe.each(EXAMPLES)('the chart in mode %s', (mode, from, kinds) => {
  const render = (): Manifest[] => renderChart(from);

  test('makes manifests that Helm’s linter, their schemas and their types accept', async () => {
    const values = typeof from === 'string' ? ['--values', `deploy/helm/examples/${from}.yaml`] : [];
    expect(helm('lint', '--strict', 'deploy/helm', ...values)).toMatchObject({ status: 0, stderr: '' });
    const manifests = render();
    expect(manifests.map(({ kind }) => kind).sort()).toEqual([...kinds].sort());
    for (const manifest of manifests) {
      const { [manifest.kind]: Kind } = await import(KINDS[manifest.kind] as string);
      new Kind(manifest).validate();
      expect(() => new Kind({ ...manifest, metadata: 7 }).validate()).toThrow();
    }
    // The schemas accept fields that Kubernetes does not know.
    expect(compile(manifests)).toBe('');
    manifests[0].spec.slector = {};
    expect(compile(manifests)).toMatch(/may only specify known properties.*slector/);
  });

  test('selects its own pods, and speaks of the same ports and paths', () => {
    const manifests = render();
    const { metadata, spec } = find(manifests, 'Deployment');
    const { labels } = spec.template.metadata;
    for (const selector of [
      spec.selector.matchLabels,
      find(manifests, 'Service').spec.selector,
      find(manifests, 'PodDisruptionBudget').spec.selector.matchLabels,
      find(manifests, 'NetworkPolicy').spec.podSelector.matchLabels,
      ...spec.template.spec.topologySpreadConstraints.map((each: Manifest) => each.labelSelector.matchLabels),
    ]) {
      expect(Object.keys(selector).length).toBe(2);
      expect(labels).toMatchObject(selector);
    }
    expect(find(manifests, 'Service').metadata.labels).toMatchObject(
      find(manifests, 'ServiceMonitor')?.spec.selector.matchLabels ?? {},
    );
    const [container] = spec.template.spec.containers;
    expect(container.ports).toEqual([{ name: 'http', containerPort: 4000 }]);
    expect(find(manifests, 'Service').spec.ports[0].targetPort).toBe('http');
    expect(find(manifests, 'NetworkPolicy').spec.ingress[0].ports[0].port).toBe(4000);
    expect([container.livenessProbe, container.readinessProbe].map(({ httpGet }) => httpGet)).toEqual([
      { path: '/health', port: 'http' },
      { path: '/ready', port: 'http' },
    ]);
    expect(find(manifests, 'HorizontalPodAutoscaler')?.spec.scaleTargetRef.name ?? metadata.name).toBe(metadata.name);
    // With an autoscaler, a number here would undo its work at each upgrade.
    expect(spec.replicas).toBe({ sandbox: 1, passthrough: 3, managed: undefined }[mode]);
  });

  test('runs the pods bounded, without rights, on a root that cannot be written', () => {
    const { spec } = find(render(), 'Deployment').spec.template;
    const [container] = spec.containers;
    expect(spec).toMatchObject({ automountServiceAccountToken: false, enableServiceLinks: false });
    expect(spec.securityContext).toMatchObject({
      runAsNonRoot: true,
      // Without the group, this user could not read the mounted Secrets.
      fsGroup: spec.securityContext.runAsUser,
      seccompProfile: { type: 'RuntimeDefault' },
    });
    expect(container.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
    expect(container.resources.limits.memory).toBe('768Mi');
    // 15 s for operations, 5 s to stop, as test/e2e/start.e2e.test.ts has it.
    expect(spec.terminationGracePeriodSeconds).toBeGreaterThan(container.lifecycle.preStop.sleep.seconds + 15 + 5);
  });

  test('gives the gateway settings and files that it starts with', { timeout: 120_000 }, async () => {
    const upstream = await startUpstream(() => ({ profileid: 'a', source: 'Webshop' }));
    const redis = await startRedis();
    const tokens = createTokenFile();
    const headers = { 'x-apikey': 'first-key', ...tokens.add('partner', ['profiles:read'], ['123456']) };
    const contents: Record<string, Record<string, string>> = {
      'datatrics-gateway': { 'api-key': 'first-key', 'pii-key': 'a-secret-of-sixteen', 'redis-url': redis.url },
      'datatrics-gateway-tokens': { 'tokens.json': readFileSync(tokens.path, 'utf8') },
    };
    const manifests = render();
    const { spec } = find(manifests, 'Deployment').spec.template;
    const [container] = spec.containers;
    const root = join(folder, mode);
    const write = (): void => {
      for (const { name, mountPath } of container.volumeMounts ?? []) {
        const { secret, configMap } = spec.volumes.find((volume: Manifest) => volume.name === name);
        const all = configMap
          ? manifests.find(({ metadata }) => metadata.name === configMap.name).data
          : contents[secret.secretName];
        const items: { key: string; path: string }[] =
          secret?.items ?? Object.keys(all).map((key) => ({ key, path: key }));
        writeVolume(join(root, mountPath), Object.fromEntries(items.map(({ key, path }) => [path, all[key]])));
      }
    };
    write();
    const { PORT, ...env } = Object.fromEntries(
      (container.env as { name: string; value: string }[]).map(({ name, value }) => [
        name,
        value.startsWith('/') ? join(root, value) : name === 'DATATRICS_URL' ? upstream.url : value,
      ]),
    );
    expect(PORT).toBe('4000');
    const gateway = await startInstance(env);
    const ask = async () => {
      const body = { query: '{ profile(profileId: "a", source: "Webshop") { profileId } }' };
      const response = await postJson(`${gateway.url}/graphql`, body, headers);
      return [await response.json(), upstream.calls.at(-1)?.headers['x-apikey']];
    };
    if (mode !== 'sandbox') expect(await ask()).toEqual([{ data: { profile: { profileId: 'a' } } }, 'first-key']);
    if (mode === 'managed') {
      contents['datatrics-gateway'] = { ...contents['datatrics-gateway'], 'api-key': 'second-key' };
      write();
      await expect.poll(gateway.output, { timeout: 20_000 }).toContain('secret read again');
      expect((await ask())[1]).toBe('second-key');
    }
    expect(await gateway.stop()).toBe(0);
    await redis.close();
  });
});

describe('the chart', () => {
  const url = { DATATRICS_URL: 'https://api.datatrics.com/2.0' };
  const managed = { mode: 'managed', settings: url, secret: { name: 's', keys: { DATATRICS_API_KEY: 'k' } } };

  test.each<[string, object]>([
    ["at '/mode': value must be one of 'sandbox', 'passthrough', 'managed'", { mode: 'open' }],
    ["at '/settings': additional properties 'DATATRICS_ULR' not allowed", { settings: { DATATRICS_ULR: 'x' } }],
    ["at '/settings/MAX_DEPTH': got number, want string", { settings: { MAX_DEPTH: 7 } }],
    ["at '/files/TOKENS_FILE'", { files: { TOKENS_FILE: { configMap: 'a', secret: 'b', key: 'c' } } }],
    ['settings.PII_KEY: a secret; put it into a Secret', { settings: { PII_KEY: 'x' } }],
    ['config.REDIS_URL: a secret; put it into a Secret', { config: { REDIS_URL: 'x' } }],
    ['mode: got "sandbox" with DATATRICS_URL; needs passthrough or managed', { settings: url }],
    ['autoscaling.enabled: got true with mode "sandbox"', { autoscaling: { enabled: true } }],
    ['settings.DATATRICS_URL: not set; mode "passthrough" needs', { mode: 'passthrough' }],
    ['secret.keys.DATATRICS_API_KEY: not set; mode "managed" needs it', { mode: 'managed', settings: url }],
    ['secret.name: not set; secret.keys needs', { secret: { keys: { PII_KEY: 'x' } } }],
    [
      'files.GATEWAY_CONFIG: got a file with config',
      { config: { a: 1 }, files: { GATEWAY_CONFIG: { secret: 's', key: 'k' } } },
    ],
    ['networkPolicy.redis.to: not set', { secret: { name: 's', keys: { REDIS_URL: 'u' } } }],
    ['ingress.hosts: empty', { ingress: { enabled: true } }],
  ])('refuses with %j', (message, values) => {
    expect(() => renderChart(values)).toThrow(message);
  });

  test.each([
    [{ ...managed, settings: { ...url, OPERATION_TIMEOUT_MS: '60000' } }, 75],
    [{ ...managed, config: { OPERATION_TIMEOUT_MS: 1500 }, preStopSeconds: 20 }, 32],
    [{ ...managed, config: { projects: [{ id: '1', operationTimeoutMs: 40000 }, { id: '2' }] } }, 55],
    [{ ...managed, terminationGracePeriodSeconds: 90 }, 90],
  ])('ends the pods of %j after the longest operation', (values, seconds) => {
    expect(find(renderChart(values), 'Deployment').spec.template.spec.terminationGracePeriodSeconds).toBe(seconds);
  });

  test('replaces the pods when its configuration changes', () => {
    const annotations = (depth: number) =>
      find(renderChart({ config: { MAX_DEPTH: depth } }), 'Deployment').spec.template.metadata.annotations;
    expect(annotations(7)).toEqual(annotations(7));
    expect(annotations(7)).not.toEqual(annotations(8));
  });

  test('takes an image by its digest, and what is usual for pods', () => {
    const digest = `sha256:${'a'.repeat(64)}`;
    const pod = {
      nodeSelector: { a: 'b' },
      tolerations: [{ operator: 'Exists' }],
      affinity: { nodeAffinity: {} },
      priorityClassName: 'high',
      serviceAccountName: 'gateway',
      imagePullSecrets: [{ name: 'registry' }],
      volumes: [{ name: 'plugins', configMap: { name: 'plugins' } }],
    };
    const env = [{ name: 'HTTPS_PROXY', value: 'http://proxy:3128' }];
    const volumeMounts = [{ name: 'plugins', mountPath: '/plugins' }];
    const manifests = renderChart({
      ...{ ...pod, env, volumeMounts },
      image: { digest },
      podLabels: { team: 'a' },
      serviceMonitor: { enabled: true },
      ingress: { enabled: true, hosts: ['a.example'], annotations: { b: 'c' } },
      networkPolicy: { from: [{ podSelector: {} }], publicPorts: [], egress: [{ ports: [{ port: 4318 }] }] },
    });
    expect(compile(manifests)).toBe('');
    const { metadata, spec } = find(manifests, 'Deployment').spec.template;
    expect(metadata.labels.team).toBe('a');
    expect(spec).toMatchObject(pod);
    const image = `datatrics-graphql-gateway@${digest}`;
    expect(spec.containers[0]).toMatchObject({ image, env: expect.arrayContaining(env), volumeMounts });
  });
});
