import { type Meter, type Observable, ValueType } from '@opentelemetry/api';
import type { MakeHistogram } from '../../src/server/metrics.ts';
import type { Telemetry } from '../../src/server/observer.ts';

/**
 * OpenTelemetry's name and unit for a name of Prometheus, such as `gateway.errors` for `gateway_errors_total`. A collector that
 * exports to Prometheus makes the same name of it again.
 */
function nameOf(name: string, type: 'counter' | 'gauge' | 'histogram'): { name: string; unit: string } {
  // prom-client has gauges that differ only by this suffix, such as `nodejs_active_handles_total`.
  const given = type === 'counter' ? name.replace(/_total$/, '') : name;
  const [, stem = '', unit] = /^(.*?)(_seconds|_bytes)?$/.exec(given) ?? [];
  const units: Readonly<Record<string, string>> = { _seconds: 's', _bytes: 'By' };
  return { name: stem.replace('_', '.'), unit: units[unit ?? ''] ?? '1' };
}

/** Histograms of durations. */
export function createHistograms(meter: Meter): MakeHistogram {
  return ({ name: given, help, buckets }) => {
    const { name, unit } = nameOf(given, 'histogram');
    const histogram = meter.createHistogram(name, {
      unit,
      description: help,
      advice: { explicitBucketBoundaries: [...buckets] },
    });
    return (seconds, labels) => histogram.record(seconds, labels);
  };
}

/** Exports counters and gauges, with the values that they have at each export. */
export async function observeRegistry(meter: Meter, registry: Parameters<Telemetry['observe']>[0]): Promise<void> {
  const instruments = new Map<string, Observable>();
  for (const { name: given, help, type: typed } of await registry.getMetricsAsJSON()) {
    // prom-client's types have numbers here.
    const type: unknown = typed;
    if (type !== 'counter' && type !== 'gauge') continue;
    const { name, unit } = nameOf(given, type);
    const options = { unit, description: help, valueType: ValueType.DOUBLE };
    const observable =
      type === 'counter' ? meter.createObservableCounter(name, options) : meter.createObservableGauge(name, options);
    instruments.set(given, observable);
  }
  meter.addBatchObservableCallback(
    async (result) => {
      for (const { name, values } of await registry.getMetricsAsJSON()) {
        const instrument = instruments.get(name);
        if (!instrument) continue;
        for (const { value, labels } of values) result.observe(instrument, value, { ...labels } as Labels);
      }
    },
    [...instruments.values()],
  );
}

type Labels = Record<string, string | number>;
