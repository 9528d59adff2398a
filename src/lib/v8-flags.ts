import { setFlagsFromString } from 'node:v8';

/*
 * Turns off allocation-site pretenuring in V8. V8 learns which allocation sites create objects that survive a collection, and
 * then allocates their objects in the old generation. It does so for the values parsed from responses. They then keep the
 * response's text and everything derived from it alive until a full collection, and full collections took a fifth of the CPU
 * time or more. This module must load before all others.
 */
setFlagsFromString('--no-allocation-site-pretenuring');
