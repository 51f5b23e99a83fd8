"""Small videos made by us, with what FFmpeg 5.1's command line decodes from each.

Content: zlib, base 64. Marks: the mean grey of the four quarters of each frame, of

    ffmpeg -i FILE -fps_mode passthrough -f rawvideo -pix_fmt gray -
"""

import base64
import zlib
from pathlib import Path

import numpy as np

from media import Frames

VIDEOS: dict[str, tuple[str, list[list[int]]]] = {
    "a.3gp": (
        "eNpjYGCQSSupLDBOLzBhYGBiANGZxfm5QGzEwMDAkVaUmsrAwMicm5JYAqQ3MwiwA6ltAok8x7boR0j8nL7i"
        "j739c3ODqDbuxNMSoge43DaeZ2A4YZbWeo1HjHvFpgOBDQYGOUy3O5gFDuxS2Kihw3VlXg9DNMiMgA9NYi7G"
        "6y0ebAn/eEm6HqiLW+Cwwb7v+0GSgQmLTkneqgmaa//5PVDqFLfAPfHsuO9gqQ+HxJzZrUqe2IgVb7Pvs2Bg"
        "OAOUtfJ9Ph8kG5Tw6UZA5MVcWwaG8xYOhZVgLUEflR4cLrvPwHDJIuC4757PILHgRCdrNuk7YrNrbfuANlzh"
        "5jHv3rweLPOxSJxlHU97cDXQxOsWbbrb7YFBcy83P78MGCQ5uWUZKQwogPkFUJsDAyMDCCEAI6oqdL4DA17A"
        "BERZJUWJ2UB2TEk22E5mTNMYMY0hxl4FKGZgUElNKSkG0jKpOcUlCB1Qc8F6GR/lpmQmgnTkpqD7HZRKBBhC"
        "j4A5uhkpOUUwmbLMlFRklWFAfr5HYl5KTipIDWNvbmZeGpAhUpYLNhTZmSopEDmZlKLUNCRv8JQW5ShAHehb"
        "XJKUA2RvLS4pTkFSszS3wKQMR1CAPK3A4AGkPXCqQAcS//8DSf/U4pRicGQ3NDTYAbWxAGkDBUGIkmYQyQoU"
        "kQOauAHkuq2dwhDDGRUYjvR2MJxlZGERcWYDKmFkAukoLgGHOswJHOAIBwYG0DPI4iAsAxRLRhPjgNImQLkq"
        "JMeCxL2BWBaIpYEY6B4GUZC5QCwFxOIQO5LzkczTAQC8bbOR",
        [
            [170, 162, 135, 125],
            [167, 154, 143, 129],
            [164, 146, 150, 132],
            [159, 137, 156, 135],
            [152, 126, 162, 138],
            [145, 115, 164, 139],
            [135, 104, 166, 140],
            [126, 94, 164, 140],
        ],
    ),
    "a.flv": (
        "eNpz8wljZGRgYOAEYgYhBoYdDBDAxMCVn+ebWpLokliSyAEU4GDgSCktSizJzM9jsL9S9dB9nUg1A2t5ZkpJ"
        "BoODA1QXW0ZqZnpGCUKAtywzJTU/BWgGUGsqAxxwphUl5qaCxRwsoWI8YLXJ+SmpyZkpDDATGNhT80BiRUwM"
        "vD6JZWlmRnqGQGRgxMCRlpmTWpxZBTSi8QbMXCA+DCSioHygj1oYBAREpL1qpNhPfsiw14yP5my/P3VV8XMF"
        "1uMVTK9kjSStf0gxpG96b/kpRIrBsyFDMSaD1arZkZ2Dl0FnYYUJv/+khgtMhyqkGNw5GH02MM26Mm+yPLPD"
        "F6DhqUCLpBkYNEAWKQEtYhEQMGG60VbyuNWsbP6Oh+k8h56F7WE6AJRVA6oUZ2AIgKnkEBAwleSRm79ASKyq"
        "bv6Ox4e+7wPJAFVJMTBUwFTxCAiYMd1IeO4nw+Xztr/6nE3Tk/TzIElVoEIRBoYFMIUCAgLmM7n4Sl5sN9Gv"
        "WF15ASgsD1QiysBwAqZEQkDAkumhYzof6606y1Pi5+cBxRWAagQYGD7A1MgICFixdljfCt+xvgEoJA2WZpSA"
        "SSsICFjP5JK+99J6J8hP0gA3UIYk",
        [
            [169, 162, 135, 124],
            [168, 155, 142, 128],
            [163, 146, 152, 133],
            [159, 135, 156, 136],
            [153, 124, 162, 138],
            [143, 115, 166, 140],
            [137, 104, 166, 141],
            [125, 98, 164, 141],
        ],
    ),
    "a.mpg": (
        "eNpjYGDcpcjAyMB42DidgYFxNwMniKH4/8GDZ0DuA8aFhgzM1RsFGZjjJwL5m5kYFIT//3/AAGTvYOBgcADS"
        "DAz8/38AaUbnVyqzsx9uPbklyuCWs9f5mjfSiQ65t24d6C0UYTVfYCgFVMPk/LIotYB3veFhbYajCznLV/gy"
        "rd73Ti0iwGdnxWolrj1JEWeVEnkLwKZe//+jAWSs0wznBv9lPtKTlYUVNFoCW9juPGG7t5Jz5wu95w48Opwt"
        "J8Dmsjis8tzGcURl7pM9ky4zHIc4LP7/jw6wyz7mpnODDGNySpIK9sm4f/QAWH4+VD74VfiqQ4fVwCqCBQor"
        "J7x+AJJnnA51QpCV25WUey3T0xzLizji751iFnd/OvFNpPkyxzIb6coTiqYPpkgygDUzH5jlnPFL+uY8i1WN"
        "0zsiq+Mk0i+AjZKHWpXdkujyaoMvyH6mrCSpanYxsDTMpcUPrl5lEgSbVXx8+XYDsCQsJJJZFt/pWB83u3sy"
        "WEGSMz/f2f07gMx9bBb8/0fBKBgFo2AUjALiAQD90ssH",
        [
            [169, 162, 135, 124],
            [167, 154, 143, 129],
            [162, 145, 150, 132],
            [157, 134, 156, 134],
            [151, 124, 161, 138],
            [143, 113, 164, 140],
            [134, 103, 165, 140],
            [125, 95, 164, 140],
        ],
    ),
    "a.rm": (
        "eNrTC/J1Y2BgEGKAAdaAIP8AIG3EgAQEQIQaEHMwMDA6IEmcYmBkYHb29wtBMYPB1yUgCEiVMDBgNQUKGB0E"
        "QjJSFcIyU1LzFYJLilITc0XKQBz9Ct2CPF0gPwfMBSpVAuEwTxf/oDBDAwYFIJQEGwEhOUAmuziGOALN3AoR"
        "gVqRCaWZGhsdwhzCGDoYGFh4l9rxsT/5YWE/Zf3alsPvT121/DyB6fEexlK+mTxz//AxGN8sn/NTi49B5YCF"
        "wjoTprmOB5lb2BnEAvbI8C8/6VDAmGjDx6DcwrAsgtE3y9+zv/HAL6AFhmBrNBgYGhkd5BzkGE8ALWL03mNc"
        "eOCEe3PjDz72x/cKdJ33MN0Rn2sn2QBUqgvWEADWIOUgxXQKooHp3Jz2tgpWoJYPZx638ugbP5wBV1wBU8x8"
        "BqTYc4/xz++VJx+IMdbbf350xOBMsfkeY6AyHbDiBWDFkg6SLOdBinN44iQrXzbOSJNsS5yxkfdhXr7dB6Aq"
        "dbDaE2C1Ig4irJdAagsciyezGJwx5rmnly/PB1KmClb2AaxMyEGI7QpYmdeDkwZ+3/e+EzF7BlfEKAFTxH4d"
        "oui5Mst7nnuPJH6UN8AiHgDKI47i",
        [
            [169, 162, 135, 124],
            [168, 155, 143, 129],
            [164, 146, 151, 133],
            [159, 136, 157, 135],
            [150, 125, 162, 136],
            [143, 114, 165, 141],
            [135, 105, 165, 140],
            [126, 96, 165, 141],
        ],
    ),
    "a.ts": (
        "eNpzdxAUYHD6oMrAeJCB4T/jfwbGPw0iHkKMbG5uuQWp6ZzBqUVlmcmpBoblNc6n/g8u4O7AIMDAsIEX7HYG"
        "xg8MWhtZNv0fGsA9AOh2pg1CYLc/ZPjAwAQi5nUrXxwCbndkMFAPAAY5Qx0DIbXAeHnAwNBwgMuQgVFGUZCB"
        "EQgZGDczMSgI////ABRtW0W6QGJA1g4GDgYHBhCH//8PkEz//8+ODUAGo/MrldnZD7ee3BJlcMvZ63zNG+lE"
        "h9xbtw70Foqwmi8wlAKqYXJ+WZRawLve8LA2w9GFnOUrfJlW73unFhHgs7NitRLXnqSIs0qJvAVAtxuWMAxA"
        "oCEHhIWjICg0wF4N//8b5MWtjfJQvzo1WuxqUjENkRbOffvsAthnApdmS5l/BLndqAiY4vkE6hgGyOUhiYIg"
        "54NdPh3d5UEzT156+zpTaoUe7+Qlp0BCTMEgpwu9i5kBzKuCQzivCg7hvGpcyTBQtiMnnYJGQVD6ASed6+hJ"
        "J6nlU97q092TPsWBUk2y4vLNbntmAN1uUg5M7zIKdQwD6fKehYIg54NcziiO7vKq1ZPLo/YapZwEp/dqgcs3"
        "bkwv/t0AdLtpNcPAxTuy+1ccFAR5Aux+jOJmMovgO9fwZU/ugJw/yam9dekHYF4VGsJ5VWgI51WzGmB61zKo"
        "YxjwRHPkoSAo5YATDUZJv5hl2dWQ8vIAUJpZPKt6Jl8F0O3mgyW9P2QUBLkf7HSMkmY3y+rV33aagxI20y4n"
        "9pbF2Q0Ax5CpDQ==",
        [
            [169, 162, 135, 124],
            [167, 154, 143, 129],
            [163, 145, 150, 131],
            [158, 134, 156, 134],
            [150, 124, 161, 137],
            [143, 113, 164, 140],
            [135, 104, 166, 140],
            [125, 93, 164, 140],
        ],
    ),
    "a.wmv": (
        "eNozUNtU2pd2XnDZTYZVDEnncu4zMoABKxAzMi28s7rHfeV5wb4nDAd4FIJTMxiwg+d8UEaD3dV7G+cyQg1h"
        "OHCTkwnMuGIApmR4IOIgwQYeCP4PBFuZ98frgex5DLFHD6pf8NLl1btA4s8g4mxgUYclFy6xP74kOP0Dw4KT"
        "cSsCUqCqGRk0GMIZfBn0GVwZ8hiSGfIZUhgygax0hmCGVIYSIITwiiFuYfBhSGQoY0hjMGMwYtBjMISSBkCa"
        "gWEi+53t25FsboX56L3kHt/o84Ir/jI0xMe4aDOE/1YIReZDgTncTSCgAMVMOgw6SFxGBgmGcN8wIwYezCA9"
        "wbClwSHoYpus4QXBxUuAHmX2+OYElXNEE2cEm8XKUM6QC/SQEVgNC9hkM7To3cSDPQJhEcbI2AQM9dhAbhBH"
        "grGjESzBYQ+NOyDt4MfgumGB2hunECuh090XSv4v/H9IzzGWK/xk4Bf7CT7FqSHRzuZXw30atyb3T2G61Nzo"
        "/M1J/4r4q9SlvJ+63zGCkwOHCJBwAZonwrBAOWfP1tWcq+pvdGzfs1JYPNhudQMjM1gRKE3lABXxMaxQXnVo"
        "5/cK45dzesqnTWBkAUsLAokpQGlBhg3KGXXvo65KLlhY65Vt7Sb+gpEVbsAesAF7lENu6Rl0XH56xHTxEQdG"
        "cDLi4AQST4DSnAwnlHtU5V4FLHRgZAfLcAEJHl4GBi6GC8piUpPj52RH1zFygKVAWk2AUmwMd5TzPhxhGAWj"
        "YBSMglEwCkbBKBgFo2AUUAAmcDAYb3x6XrDzC6hv43k6DIe6hmkz4GxWgqYCAKBwzKk=",
        [
            [170, 162, 135, 124],
            [167, 155, 142, 127],
            [164, 145, 149, 133],
            [160, 136, 157, 137],
            [152, 124, 162, 138],
            [143, 114, 166, 141],
            [137, 104, 166, 142],
            [130, 95, 164, 141],
        ],
    ),
    "b.avi": (
        "eNoL8nRzU5NgYHAM81Tw8QwOeSPIwJCRUpSTWJaZYcHAwOAwhwEOBDgZGDigbEaICIMCkFRgwAQgs6YIMDAU"
        "lxTlADHYrLLMlGI33wATZHUgcyShbJDZWUD8Hwhg8gpACNSfpgFka0DtUgDrk2AAm8WDabdXqJ+3BNBuFijf"
        "wCAlmWEUjIJRMApGwSgYBaNgFIyCUTAKRsEoGAUjCoDGB1gYGRjyU3JzgCjjxwgOC9A4jRSQ9vRz8/cMdgvh"
        "A4kllqWZGekZApGBETi0fjCPpppRMApGaglRAywtc/PLMkEjqVlgUcYNH4HE1pXCkCFcRgWOK70cDGcZWVhE"
        "BOyB/M0MAuxAaptAIs+xLfoREj+nr/hjb//c3CCqjTvxtIToAS63jecZGE6YpbVe4xHjXrHpQGCDgUEO0+0O"
        "ZoEDuxQ2auhwXZnXwxANstEMYuO2wA9NYo4CyvpsDJM+JP9gjAt4sMRnj8SPyQx6uz/USGp8ng80j5vFYYVB"
        "mtjk31P+fPhwG6RbCqp7wkOWNYcONQkkMSxnYEhhZBExb5KutAapEIaqmJjosiTJ25+BIVVJwLHQFjxurA2V"
        "C05YJObwQTms/vkHo8+HJu6fLz+/ak9RO9Crp7gYHihXsLaePZo48zkDsnmTEpfs5nCIEStmYEhbnSaCKvfw"
        "yJLESe8ZGNKlVhhE+4PlRGF2fTj00PHo7vsMDGcsErvN+fczZKZUGDYwQEayBRggI9tZDIiR7TIgNkPibwFi"
        "KST+NSAWRuJ/AmJtJL4aI6q8Exo/DsgHuQ4APmu4wg==",
        [
            [170, 162, 135, 125],
            [167, 154, 143, 128],
            [163, 145, 151, 133],
            [158, 135, 156, 135],
            [151, 124, 162, 139],
            [143, 113, 165, 140],
            [134, 102, 165, 141],
            [125, 93, 164, 140],
        ],
    ),
    "dup.ogv": (
        "eNqll3k8lN37xw0ejCXGXrIMyhoGWRMjDEIzY6nRZjCWGMZOyZZBaCFDomRJ9sfIvg4aMXZJkmomaymEKCnf"
        "mcb3+T2/3x+/54/n8zrnvO/rnOs657rvc+4/zilPT3sWVpb/oz8P+FAAyjHBXhj/QDQbK4DuQfeR+V3o0qRX"
        "wH8LC0s16RRjlv8lxkDudLP7Prvdv+l2LHNKDvqohwcWh/FkLC1Br2aOSKiD1Sk7Iw0Ng99FTVNbgylR+jDG"
        "z83fHRNoZIMOdZPx9XZlThPHRPug4lbToI94XamVtUBQ7jwkFZlRBOaCpLoKxIO5TP7KCYStsvdM791xEtwJ"
        "1z/rO6/81avcQVFISd5Z4FeEfs4ND3tgeI2j0p3r8nH7uSKPSd7kKITGtDopCwPZXcH0joO8CaydJkl6IqJT"
        "czoRqrfIaPVn1wj1Q65/OiXXmcZqppvn8y/cyW6cwGhkpRxCZuulW4JvJ3Z3TlIvaYvzkF3zTW5byArQO0i9"
        "LqrCXNdiTapX/61IpC9gKBQ+MkIDgREIEyqVbiIQcBoABKETAQAxWgQCDGGS2f6PWEhEADSNSKLHgxGdndXU"
        "UbrZ2UmiASBo4uhoJwhCt2i0UWgssXOUTnpLB/1h9DdHWarzAXHXtEZIJBqksLAbR4+Pu5ZhH0MDoZ8fDWGj"
        "gV3tiywmgkfjtIL/EE0U6RZmnwsNy0pwwJM3FTgsQiH/VmAwIi2fLjAUzUA+Av3bzGe2/ywQGL1mamoKBUPj"
        "ZBlExwmaMrjGsP5ZUBA4blNHRwcCRhQdZjC2MIEOHc0NhvXPgiD+pcD0DxAQm0bcQ+ceRvcwuofRPdD2QNsD"
        "DQQCQQPyuwBMsIKZkEUwgUQwgUQwgUxjIr1gD/kAAAAa28Uay8S1PbDvgR3ABDuACQ5WJrj2wMUSeeFc8NUL"
        "05+M1auqD3goROIlOl8IXQkcMG++qUuKmhM0a+skpm+/QGoPVJEn44G9nZ8lbbKG0HXlfKllyNYfYfx9hkne"
        "2edTiOzqabCEcrive2tU4LLraVhthAJwy9ESmjxfSkdVT5xWxti1qWNLTWASZcLNP9c4ebVVcL1hR0GyWGp0"
        "AWnWw/pxwsMe7tO+/wgYthl7WfgLcaBFzmQZfgV2PzAHG1Z9+g/lVK52+d0U84pA/kYzw5yLy2BvCV4y4aGu"
        "nfUsfMvfIP2rA4FrXc+OUDGpppsMOh9bFNv3PrEl5N2ue8/apBLnE1LtkuFNVSc3/hjKTYsbZmN9dbvjj5pe"
        "HTwTKa3APtZXG36EqvVxUdSJ3dmtj8AYAlZKtX7iGDffZZv8fhXYFP9p+6xLJe5wpm0wGTBvt+JoGSP/cmm6"
        "ze5w1iW+oSdowXFdHhU+Y7IULApXlp7xx+h996eFF/GElL6+R1Ow+41BAokBy77SH7DmilxVOPISypxwS/7i"
        "6zCwzvjVu6nd+cbb7vUHkuFy8ShU8/pnq/moqXizpupFZ/ctO56739KGQ0SQqhUXFa+uxExd331ZHG4hexvT"
        "LTw9pWb4PNyFZwlVEvNRSiKyOd9O5eyDwNCkDYLZGOx7sYXQvNhQFSlx/XEANnlhhPuStxduTtxWZUp+/Vyq"
        "7sCBpoTNO4TJHqrc6y3OAFbP2pMK9x0eaymMHEE38hvqcB/eRMn68H1eUCF7uMyNX3Zv3L2VXOrcxbK9qSE0"
        "O+0zpZbbpVoZBKCpuF5vSzfiQXXQHGWznvob7tzv8VIVmX4Tc8kGC6vpE7JLQenH92zjHVKbDIaEdvz2geLJ"
        "fHWb5w2J54sksoYEI0SluZSRFis8JzaVjlW6XX+mVnAiCDdwAP76okeWyi/hxlzXwQJ59/ixz5XPdO//oG6/"
        "IMQl4XYDsuAOykWGXsBHU7Ze87RcXdLx2p2vB8+fcYqI/zxApCJl4XzFWShtfDSMsym8trsdNqEC8ZSeBS77"
        "w1HnrcOAy3Lsg3VZVpr4zuj2ffj9tKl3N21cfwEcFWRt7rrNcizzu9aGrIkFJVEA9U+81cKqfmJcyyyd2vIC"
        "OfkLpdR+YjzN10Jn0Una2IpXlEJFvEMDIMdiai614SqQLRH/Sdj2WzLZ29DAeTM4MkkZSb0MkbjUVxyMjg6V"
        "yHeqM3rq1Sx1UiZnt4mT/+gbo3kFeduSBI6QFCXHtKATj9HaNVekFyadpQW+d0sMNBgbwv7USlE55/VB4HCW"
        "t1Eh671Uaq1zO9uCdEMun7CgYH3OxcguKkwscg6FsT7zJIQrsp/bUbo5ARAkJTGB8g4XLMZW3IPlKdwcNSrA"
        "bX90PFjDx+h60PNrNfS6RZQkuus1N9XPjfc95/B3e3gd78yTKQ43qxwf1WyD9hry24Pi1GSjntndqrk/zGXc"
        "dV5o2czl35RsTq55aiwlZ5S+JXpjpFKsZL/2wOtzZ2yNvUQm7eEpM6X60uk/gv31RJAGHfHz4mvHa8GFHSO8"
        "oxxTRbZqaXMfMJi3fkrT6/gOgCj8DYCyettWBRs8dEy6xQ2KcV+5XIL85mqp80LF6gkl6WxjyGIU+oDKzmmX"
        "PEJ5CxT+9pEGp08BteHx26STfbyDddZjvndpu4lK4xY1xDZr+CpoQ/5CZwq4vvSep/ovkr5dc9y78nCimBvF"
        "UU9e3ZqELc0Y1OqZ3UxCBLF8Xbs14WSxUvmMoCT6Uy7PUqCiIlXsjqZ3Dhs2oOVXgeTjkzCJpCHTDykD+129"
        "c7BeDa9ETJAGy2Rvq91v+Ke2O8K30NqFJcBJXHRW95VU1DrKxczSegrrttI/Ma5c1NjfwarBeLE72g4XV6OW"
        "XvJCoE3Y5N6IXEdLC0trby1sUMGWKg68Tg2lqH+W+trz/krFaRZuSMfGDqk4/9IKQGZgzGOqPxMkt9xVq35Z"
        "70dA08jTPkgxto5gAVSHUe4l8R+vqM5raBBdjRaWCziWp3/dUZ7rVHRtDfEdopGbDYvSHhYVUs9c4ZjZWIql"
        "h2nkZ+oOynvtO4XZFiwzO3WkEv3uHJegXga+7+XPZUcrjLtpEK2+TPxCY79o9g+tfjfOC1+sH0/ExTB2omjo"
        "WAS4fZb/TTVGIK9fZFmplC0RfktorYp0UfLdEbiL5SFvSH3TXKrt25Yde/jKghPJSC6FQHjgZ7rTJschh8Uc"
        "9n5wWmiUhEKJwUtL5CIbWzWziwNv1D0DHqwsYBt8e2thJeYGBfZ8uyyt47ZARhiInNw1W96TXT/e5XFm1x/a"
        "eiHu5W7YMzwhzrFb1dkDW+YhNgxTMpCBcZdZI3JaPsqywkRFmg7xFKOjZ7A2RO88iugw7dNREWRMKurMTFTf"
        "uesZdtjy3YQztQPNE2JfPwj1gQWO1dlC+YaiFTTkhejHFxX4rIV7i1vOPHpI8vK+DjtLvjpGisSuH2X2LF+G"
        "u5Iqp4nPyoZm4u0R/I9av5lY5IMV6YfC5jDmxpaf9BY5ue9XiIAFIPOIFv0n4VnO2tgNrKk7yhUZ80bQXLQN"
        "t0T80Gf6/Pu138nPiw2/XVRWCn/fddQvfQcvfC28D5wUgzPgxXmm+S4t23x7CfsRWNhxUiVCucziS/oJEAs1"
        "WJw6LPvq5XT2l6pbm3OwqEynNUeHGzPyCbIA0iKk84H5kz+btGbOS3+m3PypWjlbViqCxOWVAARXbZ5rYTEU"
        "C70T7ynk1vaN868kpZd53BIeqZ/reIg6x5mD7+MVTy32zq6veWfMGS27yL+wQHFUrZBGiFXSTHCWFzLoL2mV"
        "7YZ/U3h2BIWivHz+zYKmgP0pYxoclaGRnakyqIWtHDcrLrjTG7uxETqTZ9oiF+N3xHi/63NND7Ecn+A2Kz5T"
        "4VNOp62L2CKkAGuYLbtan8KfqTjPjNYWXGFJr0ChPNB8oro122zhqvE22eX16WP0WKOfa4ccCP/P7jGvPiZ/"
        "u/owrjSQ2IZUAFK1sxfynhvOZl2iQez15qth5fg6kG8jnLJZcPiqhmvb15oM+2GlTv27iPem5bb3VldPA33H"
        "3J90P32xcapiSa3wTYKHh7vWUV2IgKhQaT9Zyeph9e/V2E/+bTU2el3kWvHlYVHg1eBWBR4BHgL6kqc14x8q"
        "FsR+6C9Hg76KFJnqTAvTlM/wrLMfP3RXnhC8mHq8LJdId4sFfTKJL4JMxPwOGWFEFGk6j5UQAP7EfHiA+V0j"
        "/uaM4z6zQ8X3FLII+mkcZWW3MwE/umXo/gKJJqYnDtEj3+w3jcZro8xvYIThRvohqdDeCdbduRFwuM2JGenC"
        "2SFXzD279o9lJTYudF+uEw/BMlR6eIaiLbeiVIJeJl71ac2A1kdOPehHeKNMZZBqP1cvMsNPyFx4RPKVJhjz"
        "ey1+ExiUxEiSl5mkbzn74u1KZ3HWMOp+SuQYageVbKV2Ry3Kxv0v7/8A/+LTrg==",
        [
            [169, 162, 135, 124],
            [167, 154, 143, 128],
            [167, 154, 143, 128],
            [163, 145, 150, 132],
            [163, 145, 150, 132],
            [158, 134, 156, 135],
            [158, 134, 156, 135],
            [150, 123, 161, 137],
            [150, 123, 161, 137],
            [143, 113, 164, 139],
            [143, 113, 164, 139],
        ],
    ),
}


def write(name: str, folder: Path) -> Path:
    """One of the videos, as a file."""
    path = folder / name
    path.write_bytes(zlib.decompress(base64.b64decode(VIDEOS[name][0])))
    return path


def marks(clip: Frames) -> list[list[int]]:
    """The mean grey of the four quarters of each frame [T, 2h, 2w, 1]."""
    t, height, width, _ = clip.shape
    quarters = clip.reshape(t, 2, height // 2, 2, width // 2).mean((2, 4))
    found: list[list[int]] = np.rint(quarters).astype(int).reshape(t, 4).tolist()
    return found
