import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { Provider } from 'urql';
import { client } from './client.ts';
import { Orders } from './Orders.tsx';

createRoot(document.getElementById('root') as HTMLElement).render(
  <StrictMode>
    <Provider value={client}>
      <main>
        <h1>Orders</h1>
        <Orders />
      </main>
    </Provider>
  </StrictMode>,
);
