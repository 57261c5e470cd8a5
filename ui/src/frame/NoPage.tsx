import { type ErrorComponentProps, Link, useRouter } from "@tanstack/react-router";
import { Empty } from "../parts/panels";
import { Heading, PLACES } from "./Frame";

export function NoPage() {
  return (
    <>
      <Heading title="No page" tab="No page" />
      <Empty icon="search" title="There is no page here.">
        <ul className="places">
          {PLACES.map((place) => (
            <li key={place.to}>
              <Link to={place.to}>{place.name}</Link>
            </li>
          ))}
        </ul>
      </Empty>
    </>
  );
}

/** A mistake of this page, or a part of it that did not load: said, with the way on. */
export function Broken({ error, reset }: ErrorComponentProps) {
  const router = useRouter();
  const message = error instanceof Error ? error.message : String(error);
  const gone = /dynamically imported|module script|preload|Failed to fetch/.test(message);
  return (
    <Empty icon="errors" title={gone ? "A part of this page could not be loaded." : "This page made a mistake."}>
      <p>{gone ? "The server may have been updated or stopped." : <code>{message}</code>}</p>
      <button
        type="button"
        className="button primary"
        onClick={() => {
          if (gone) window.location.reload();
          else {
            reset();
            void router.invalidate();
          }
        }}
      >
        Try again
      </button>
    </Empty>
  );
}
