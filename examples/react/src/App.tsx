import { OrderDetails } from './OrderDetails.tsx';
import { Orders } from './Orders.tsx';
import { ThemeButton } from './ThemeButton.tsx';
import { useSelectedOrder } from './useSelectedOrder.ts';

/** The list of orders, and beside it the selected one. A narrow window shows one of the two. */
export function App() {
  const selected = useSelectedOrder();
  return (
    <div className="app" data-selected={selected !== null}>
      <header className="bar">
        <a className="brand" href="#/">
          <svg viewBox="0 0 24 24" aria-hidden="true">
            <path d="M4 7h16l-1.5 13h-13zM8.5 10V6a3.5 3.5 0 0 1 7 0v4" />
          </svg>
          Order desk
        </a>
        <ThemeButton />
      </header>
      <main>
        <Orders selected={selected} />
        <section className="details" aria-label="Order">
          {selected === null ? (
            <p className="hint">Select an order to see its lines and its customer.</p>
          ) : (
            <OrderDetails key={selected} id={selected} />
          )}
        </section>
      </main>
    </div>
  );
}
