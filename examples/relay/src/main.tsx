import { StrictMode, Suspense } from 'react';
import { createRoot } from 'react-dom/client';
import { RelayEnvironmentProvider } from 'react-relay';
import { environment } from './environment.ts';
import { Failure } from './Failure.tsx';
import { Orders } from './Orders.tsx';
import './style.css';

createRoot(document.getElementById('root') as HTMLElement).render(
  <StrictMode>
    <RelayEnvironmentProvider environment={environment}>
      <main>
        <h1>Orders</h1>
        <Failure>
          <Suspense fallback={<p role="status">Loading…</p>}>
            <Orders />
          </Suspense>
        </Failure>
      </main>
    </RelayEnvironmentProvider>
  </StrictMode>,
);
