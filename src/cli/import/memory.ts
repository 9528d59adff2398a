import { setFlagsFromString } from 'node:v8';

/**
 * Rows live for some hundred milliseconds: long enough to be taken for lasting by the collector, which then lets the heap
 * grow several times over before it looks again. It costs little to have it look sooner. Loaded before all else.
 */
setFlagsFromString('--heap-growing-percent=50');
