"""Ribs, clavicles, shoulder blades, upper arms and spine: path length of cortical bone in cm (beyond soft tissue).

A rib is a loop in a tilted plane. In projection it leaves the spine nearly horizontally, turns down along the chest wall
and returns towards the sternum, descending all the way: that is why posterior and anterior ribs cross on a film.
"""

from __future__ import annotations

import numpy as np

from .anatomy import Exposure, Patient
from .chest import APEX, SIDES, Thorax
from .frame import Canvas, Frame, fade


def spine_x(patient: Patient, exposure: Exposure, y: np.ndarray) -> np.ndarray:
    """Horizontal position of the spine at y, cm."""
    return patient.spine_curve * np.sin((y + 4) / 9) - 0.3 * exposure.turn


def _rib(thorax: Thorax, number: int, side: int, phi: np.ndarray) -> np.ndarray:
    p = thorax.patient
    y0 = APEX - 0.6 + 0.25 * p.rib_phase + p.rib_spacing * (number - 1) - 0.3
    drop = p.rib_drop * (0.42 + 0.58 * min(1.0, number / 6)) * (0.85 + 0.15 * thorax.exposure.inspiration)
    y = y0 + drop * (1 - np.cos(phi)) / 2 - 0.7 * np.sin(np.clip(phi, 0, np.pi / 2) * 2)
    wall = float(thorax.lateral(np.array([y0 + 0.5 * drop]))[0]) + 0.45
    wall *= {1: 0.74, 2: 0.93}.get(number, 1.0)  # the first rib is a small, steep loop inside the second
    root = 2.0
    x = root + (wall - root) * np.sin(phi) ** 0.9
    return np.stack([side * x, y + (0.34 if number == 1 else 0.15) * (x - root)], -1)


def _ribs(thorax: Thorax, frame: Frame) -> np.ndarray:
    total = np.zeros((frame.size, frame.size), np.float32)
    hind, front = np.linspace(0.06, 1.75, 36), np.linspace(1.45, 2.60, 26)
    for parts, numbers, width, shell, core in (
        (hind, range(1, 13), 1.22, 0.78, 0.40),
        (front, range(1, 9), 1.35, 0.55, 0.26),
    ):
        outer, inner = Canvas(frame), Canvas(frame)
        for number in numbers:
            phi = parts if number < 11 else parts[: len(parts) * 2 // 3]
            for side in SIDES:
                line = _rib(thorax, number, side, phi)
                taper = width * np.clip(np.arange(len(line), 0, -1) / 3, 0.4, 1)
                outer.band(line, taper)
                inner.band(line, taper * 0.66)
        total += shell * outer.coverage(0.07) - core * inner.coverage(0.10)
    return total


def _spine(thorax: Thorax, frame: Frame) -> np.ndarray:
    p, e = thorax.patient, thorax.exposure
    bodies, marks = Canvas(frame), Canvas(frame)
    height = p.rib_spacing
    for k in range(-5, 15):
        y = APEX - 1.0 + 0.25 * p.rib_phase + height * k
        half = 1.55 + 0.035 * (k + 3)
        x = float(spine_x(p, e, np.array(y)))
        waist = 0.9
        bodies.polygon(
            np.array(
                [
                    [x - half, y - 0.43 * height],
                    [x + half, y - 0.43 * height],
                    [x + waist * half, y],
                    [x + half, y + 0.40 * height],
                    [x - half, y + 0.40 * height],
                    [x - waist * half, y],
                ]
            )
        )
        ring = np.linspace(0, 2 * np.pi, 14)
        for s in SIDES:
            marks.polygon(
                np.stack([x + s * half * 0.72 + 0.33 * np.cos(ring), y - 0.1 * height + 0.5 * np.sin(ring)], -1)
            )
            marks.band(np.array([[x + s * half * 0.9, y - 0.1], [x + s * (half + 1.5), y - 0.35]]), 0.7, 0.55)
        marks.polygon(np.stack([x - 0.6 * e.turn + 0.2 * np.cos(ring), y + 0.3 * height + 0.5 * np.sin(ring)], -1))
    return 0.55 * bodies.coverage(0.18) + 0.30 * marks.coverage(0.12)


def _shoulders(thorax: Thorax, frame: Frame) -> np.ndarray:
    p, e = thorax.patient, thorax.exposure
    ap = e.view == "AP"
    flat, dense, line_art = Canvas(frame), Canvas(frame), Canvas(frame)
    inner = Canvas(frame)
    for s in SIDES:
        # Clavicle: a lazy S from the sternum to the acromion.
        t = np.linspace(0, 1, 30)
        end_x = thorax.half + 2.6
        rise = -2.3 - p.clavicle_rise - (1.2 if ap else 0.0) + 1.0 * e.arm
        clavicle = np.stack(
            [s * (1.9 + (end_x - 1.9) * t) + 0.5 * e.turn, -9.0 + rise * t - 0.55 * np.sin(2 * np.pi * t)], -1
        )
        width = 1.15 + 0.7 * np.abs(t - 0.45)
        dense.band(clavicle, width)
        inner.band(clavicle, width * 0.55)
        # Shoulder blade: rolled off the lungs on a PA film, over them on an AP film.
        m = thorax.half * (0.80 + 0.22 * e.arm) + 0.3
        blade = np.array(
            [
                [m, -9.0],
                [m - 0.3, -5.5],
                [m + 0.3, -1.0],
                [m + 1.3, 2.6],
                [m + 2.3, 1.6],
                [m + 4.0, -3.0],
                [m + 5.4, -7.2],
                [m + 4.6, -9.5],
                [m + 2.0, -10.4],
            ]
        )
        blade[:, 0] *= s
        flat.polygon(blade)
        line_art.band(blade[3:7], 0.45)
        line_art.band(
            np.array(
                [[s * (m + 0.2), -7.4], [s * (m + 3.0), -9.2], [s * (end_x + 0.6), -12.6 - 0.3 * p.clavicle_rise]]
            ),
            0.6,
        )
        # Upper arm.
        joint_x, joint_y = s * (end_x + 1.4), -9.6
        ring = np.linspace(0, 2 * np.pi, 30)
        dense.polygon(np.stack([joint_x + 2.2 * np.cos(ring), joint_y + 2.3 * np.sin(ring)], -1), 0.7)
        reach = 3.0 + 7.0 * e.arm
        shaft = np.array(
            [
                [joint_x + s * 0.4, joint_y + 1.0],
                [joint_x + s * (0.4 + 0.35 * reach), 2.0],
                [joint_x + s * (0.4 + reach), 20.0],
            ]
        )
        dense.band(shaft, np.array([2.7, 2.1, 2.1]))
        inner.band(shaft, np.array([1.6, 0.9, 0.9]))
    return (
        0.50 * flat.coverage(0.10)
        + 0.9 * line_art.coverage(0.10)
        + 1.7 * dense.coverage(0.09)
        - 0.8 * inner.coverage(0.10)
    )


def project(thorax: Thorax, frame: Frame) -> np.ndarray:
    """Path length of bone in cm, float32 (size, size)."""
    # The abdomen scatters most, more than the even scatter of `physics` accounts for: ribs over it are washed out.
    below = fade(frame.xy[1].astype(np.float32) - np.float32(thorax.dome_y[-1] + 2.0), 3.0)
    bone = _ribs(thorax, frame) * (1 - 0.6 * below) + _spine(thorax, frame) + _shoulders(thorax, frame)
    return np.clip(bone, 0, None) * np.float32(thorax.patient.bone_density)
