import { contours, soundings } from './soundings.data'

/** A chart of water, drawn with depths: decoration, and nothing but. */
export const Soundings = ({ className }: { className?: string }) => (
  <svg aria-hidden viewBox="0 0 800 1000" preserveAspectRatio="xMidYMid slice" className={className}>
    <g fill="none" stroke="currentColor">
      {contours.map(({ level, d }) => (
        <path key={level} d={d} strokeWidth={level === 2 || level === 20 ? 1.3 : 0.8} opacity={level <= 2 ? 0.34 : 0.2} />
      ))}
    </g>
    <g fill="currentColor" opacity="0.26" fontSize="13" fontStyle="italic" textAnchor="middle">
      {soundings.map(([x, y, whole, tenth]) => (
        <text key={`${x}-${y}`} x={x} y={y}>
          {whole}
          {whole < 21 && (
            <tspan dy="4" fontSize="9">
              {tenth}
            </tspan>
          )}
        </text>
      ))}
    </g>
  </svg>
)
