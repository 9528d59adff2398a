import type { Environment } from './environment.ts';

/** All settings that OpenTelemetry's SDK reads by itself begin like this. */
export const SDK_PREFIX = 'OTEL_';

/**
 * Chooses what to export: a signal whose exporter is named, or that has an endpoint.
 * @returns undefined if nothing is to be exported
 */
export function readTelemetry(given: Environment) {
  if (given.OTEL_SDK_DISABLED?.toLowerCase() === 'true') return undefined;
  const traces = isWanted('TRACES', given);
  const metrics = isWanted('METRICS', given);
  if (!traces && !metrics) return undefined;
  const env = Object.fromEntries(
    Object.entries(given).filter((entry): entry is [string, string] => entry[0].startsWith(SDK_PREFIX)),
  );
  // A share needs a sampler that takes one.
  if (env.OTEL_TRACES_SAMPLER_ARG !== undefined) env.OTEL_TRACES_SAMPLER ??= 'parentbased_traceidratio';
  return { env, traces, metrics };
}

function isWanted(signal: 'TRACES' | 'METRICS', given: Environment): boolean {
  const exporter = given[`OTEL_${signal}_EXPORTER`];
  if (exporter !== undefined) return exporter !== 'none';
  return (given.OTEL_EXPORTER_OTLP_ENDPOINT ?? given[`OTEL_EXPORTER_OTLP_${signal}_ENDPOINT`]) !== undefined;
}
