// Icons: 16 by 16, strokes of 1.5, drawn with the colour of their text. A status is told by shape first, then by colour.
import type { SVGProps } from "react";

type IconProps = SVGProps<SVGSVGElement> & { size?: number };

function Svg({ size = 16, children, ...rest }: IconProps) {
  return (
    <svg
      width={size}
      height={size}
      viewBox="0 0 16 16"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.5"
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
      focusable="false"
      {...rest}
    >
      {children}
    </svg>
  );
}

const stroke = {
  executions: "M2.5 3.5h11M2.5 8h11M2.5 12.5h7",
  workflows: "M5.5 4h1.5c2.5 0 2.5 4 5 4M5.5 12H7c2.5 0 2.5-4 5-4",
  errors: "M5.2 2h5.6L14 5.2v5.6L10.8 14H5.2L2 10.8V5.2zM8 5v3.5M8 11v.01",
  events: "M8.8 1.8 3.5 9H8l-.8 5.2L12.5 7H8z",
  system: "M3 2.5h10a1 1 0 0 1 1 1v2.6a1 1 0 0 1-1 1H3a1 1 0 0 1-1-1V3.5a1 1 0 0 1 1-1zM3 8.9h10a1 1 0 0 1 1 1v2.6a1 1 0 0 1-1 1H3a1 1 0 0 1-1-1V9.9a1 1 0 0 1 1-1zM4.8 4.8v.01M4.8 11.2v.01",
  search: "M7 12A5 5 0 1 0 7 2a5 5 0 0 0 0 10zM10.6 10.6 14 14",
  close: "M4 4l8 8M12 4l-8 8",
  down: "M4 6l4 4 4-4",
  right: "M6 4l4 4-4 4",
  left: "M10 4 6 8l4 4",
  up: "M4 10l4-4 4 4",
  plus: "M8 3v10M3 8h10",
  check: "M3.5 8.5l3 3 6-7",
  copy: "M6 5.5h6.5a1 1 0 0 1 1 1V13a1 1 0 0 1-1 1H6a1 1 0 0 1-1-1V6.500a1 1 0 0 1 1-1zM3 10.500H2.500a1 1 0 0 1-1-1V3a1 1 0 0 1 1-1H9a1 1 0 0 1 1 1v.5",
  sun: "M8 10.800a2.8 2.8 0 1 0 0-5.6 2.8 2.8 0 0 0 0 5.600zM8 1.200v1.300M8 13.500v1.300M1.2 8h1.300M13.5 8h1.300M3.2 3.200l.9.9M11.9 11.900l.9.9M3.2 12.800l.9-.9M11.9 4.100l.9-.9",
  moon: "M13.5 9.500A5.8 5.8 0 0 1 6.5 2.500a5.8 5.8 0 1 0 7 7z",
  help: "M6 6a2 2 0 1 1 2.8 1.800c-.5.3-.8.6-.8 1.200M8 11.500v.01",
  more: "M3.5 8v.01M8 8v.01M12.5 8v.01",
  hidden: "M2 8s2.2-4 6-4c1.200 0 2.200.4 3.100.9M14 8s-2.200 4-6 4c-1.200 0-2.200-.4-3.100-.9M3 13 13 3",
  download: "M8 2.500v7M5 7l3 3 3-3M3 13h10",
  play: "M5 3l8 5-8 5z",
  link: "M6.8 9.200a2.5 2.5 0 0 0 3.5 0l2-2a2.5 2.5 0 0 0-3.5-3.500l-.8.8M9.2 6.800a2.5 2.5 0 0 0-3.5 0l-2 2a2.5 2.5 0 0 0 3.5 3.500l.8-.8",
  filter: "M2 3.500h12M4.5 8h7M6.5 12.500h3",
} as const;

export type IconName = keyof typeof stroke | "theme";

export function Icon({ name, ...rest }: IconProps & { name: IconName }) {
  if (name === "theme") {
    return (
      <Svg {...rest}>
        <circle cx="8" cy="8" r="5.75" />
        <path d="M8 2.250a5.75 5.75 0 0 1 0 11.500z" fill="currentColor" stroke="none" />
      </Svg>
    );
  }
  const dots = name === "workflows";
  return (
    <Svg {...rest}>
      <path d={stroke[name]} />
      {dots && (
        <>
          <circle cx="3.75" cy="4" r="1.75" />
          <circle cx="3.75" cy="12" r="1.75" />
          <circle cx="13" cy="8" r="1.75" />
        </>
      )}
    </Svg>
  );
}
