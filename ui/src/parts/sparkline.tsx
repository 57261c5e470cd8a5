// A line of numbers as bars, one path. The last numbers are on the right; a bar that is not 0 is at least one pixel high.
interface SparklineProps {
  values: readonly number[];
  label: string;
  width?: number;
  height?: number;
  className?: string;
}

export function Sparkline({ values, label, width = 84, height = 20, className = "" }: SparklineProps) {
  const most = Math.max(1, ...values);
  const step = width / Math.max(1, values.length);
  const bar = Math.max(1, step - 1);
  const path = values
    .map((value, at) => {
      const high = value <= 0 ? 0 : Math.max(1, (value / most) * (height - 1));
      return high === 0 ? "" : `M${(at * step).toFixed(2)} ${height}v${(-high).toFixed(2)}h${bar.toFixed(2)}v${high.toFixed(2)}z`;
    })
    .join("");
  return (
    <svg className={`sparkline ${className}`} width={width} height={height} viewBox={`0 0 ${width} ${height}`} preserveAspectRatio="none" role="img" aria-label={label}>
      <path d={`M0 ${height - 0.5}H${width}`} stroke="var(--hairline)" fill="none" />
      <path d={path} fill="currentColor" />
    </svg>
  );
}
